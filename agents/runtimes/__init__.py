"""agents/runtimes"""

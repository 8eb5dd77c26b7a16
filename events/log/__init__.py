"""events/log"""

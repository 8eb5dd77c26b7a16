"""tests of events"""

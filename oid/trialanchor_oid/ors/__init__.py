"""Object identifier resolution system (ORS): names, records, information files, server and client.

Source: Rec. ITU-T X.672 | ISO/IEC 29168-1; GB/T 35299-2017.
"""

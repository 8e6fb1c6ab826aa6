"""Measuring recognition: error rates in the terms of ISO/IEC 19795 and NIST FRTE."""

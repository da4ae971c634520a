import ctypes
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
result = libc.getenv(b"LEFT_BEHIND_IN_LIBC")
libc.setenv(b"LEFT_BEHIND_IN_LIBC", b"1", 1)

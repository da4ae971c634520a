import locale
result = locale.setlocale(locale.LC_NUMERIC)
for name in ("de_DE.UTF-8", "C.UTF-8", "POSIX"):
    try:
        locale.setlocale(locale.LC_ALL, name)
        break
    except locale.Error:
        pass

import socket
result = socket.getdefaulttimeout()
socket.setdefaulttimeout(0.001)

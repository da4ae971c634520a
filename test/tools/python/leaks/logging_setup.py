import logging
result = [logging.getLogger().level, len(logging.getLogger().handlers), "left" in logging.Logger.manager.loggerDict]
logging.basicConfig(level=1)
logging.getLogger("left")

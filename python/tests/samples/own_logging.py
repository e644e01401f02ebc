"""Log handlers, levels and factories, as the README describes them. ``own_logging.py FILE``"""

import logging
import logging.handlers
import sys

import simple_http_server.logger as logger

formatter = logging.Formatter(fmt="[%(asctime)s]-[%(name)s]-%(levelname)-4s: %(message)s")
handler = logging.handlers.TimedRotatingFileHandler(sys.argv[1], when="midnight", backupCount=7)
handler.setFormatter(formatter)
handler.setLevel("INFO")
logger.set_handler(handler)
logger.add_handler(logging.StreamHandler(sys.stdout))
logger.set_level("DEBUG")
logger.get_logger("framework").debug("of the framework")

factory = logger.get_logger_factory("my_log_fac")
factory.log_level = "DEBUG"
factory.get_logger("my_service").debug("of the service")
logger.get_logger("my_service", "my_log_fac").info("of the service as well")

"""The echo, for socketify, with the port in the environment."""

import os

from socketify import App, AppListenOptions, CompressOptions

app = App()
app.ws(
    "/echo",
    {
        "compression": CompressOptions.DISABLED,
        "message": lambda websocket, message, opcode: websocket.send(message, opcode),
    },
)
app.listen(AppListenOptions(port=int(os.environ["PORT"]), host="127.0.0.1"), lambda _: None)
app.run()

"""FastAPI, for uvicorn."""

import os
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles

app = FastAPI()
app.mount("/static", StaticFiles(directory=os.environ["FILES"]))


@app.get("/plaintext", response_class=PlainTextResponse)
def plaintext():
    return "Hello, World!"


@app.get("/json")
def message():
    return {"message": "Hello, World!"}


@app.get("/hello/{name}")
def hello(name: str, age: int, skills: Annotated[list[str], Query()]):
    return {"name": name, "age": age, "skills": skills}


@app.post("/body")
def body(order: dict):
    return order


for number in range(200):
    app.get(f"/route/{number}", response_class=PlainTextResponse)(plaintext)

"""`python -m bench.gateway_peers hello|plain [MODEL]`: what the gateway is measured beside.

`hello` is a bare ASGI application that reads the body and answers the same bytes always (granian
serves it as `bench.gateway_peers:hello`); `plain` is FastAPI with pydantic and ONNX Runtime as one
would write it, over a model with one input for each column (`served_model.by_hand`); it records
nothing.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

_ANSWER = b'{"outputs":[{"name":"decision","datatype":"BYTES","shape":[1],"data":["call"]}]}'


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(BaseModel):
    inputs: list[Tensor]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": _ANSWER})


def plain(model: str) -> FastAPI:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    app = FastAPI()

    @app.post("/v2/models/{model}/infer")
    async def infer(request: InferRequest, model: str) -> dict[str, Any]:
        feed = {
            one.name: np.array(
                one.data, dtype=object if one.datatype == "BYTES" else np.float32
            ).reshape(-1, 1)
            for one in request.inputs
        }
        probability = session.run(None, feed)[0].reshape(-1).astype(float).tolist()
        decision = ["call" if 10 * p > 1 else "skip" for p in probability]
        n = len(decision)
        return {
            "model_name": model,
            "outputs": [
                {"name": "probability", "datatype": "FP64", "shape": [n], "data": probability},
                {"name": "decision", "datatype": "BYTES", "shape": [n], "data": decision},
            ],
        }

    return app


async def serve(app: Any) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    print(f"ready on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(serve(hello if sys.argv[1] == "hello" else plain(sys.argv[2])))

"""A gRPC server of ml-metadata: the library itself behind the library's own service, as its C++ server does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(path: Path, port: int = 0) -> Iterator[str]:
    """Serve a SQLite file; give `HOST:PORT`."""
    import grpc
    import ml_metadata
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as wrapped
    from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = ml_metadata.MetadataStore(config)
    service = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
    codes = {code.value[0]: code for code in grpc.StatusCode}

    def handler(name: str) -> Callable[[bytes, Any], bytes]:
        def answer(request: bytes, context: Any) -> bytes:
            reply, message, status = getattr(wrapped, name)(store._metadata_store, request)
            if status:
                context.abort(codes[status], message.decode())
            return bytes(reply)

        return answer

    names = [method.name for method in service.methods if hasattr(wrapped, method.name)]
    handlers = {name: grpc.unary_unary_rpc_method_handler(handler(name)) for name in names}
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service.full_name, handlers)])
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()

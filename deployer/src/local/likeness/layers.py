"""Layers as functions with an executable of their own see them: below `/opt`, and in the paths of programs and libraries."""

import hashlib
import io
import logging
import os
import shutil
import subprocess
import tempfile
import threading
import zipfile

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from . import rules

logger = logging.getLogger("deployer.delivery")

# The variable by which a process is started with a directory in place of /opt. The process does not see it.
OPT = "_DEPLOYER_OPT"
# Takes the directory and the command.
MOUNT = 'mount --bind "$1" /opt && shift && exec "$@"'

worker_environment = lambda_svc._provided_worker_env
lock = threading.Lock()
unpacked = {}


def unpack(archives, beside):
    """The directory with the files of layers. A later layer replaces files of an earlier one."""
    key = hashlib.sha256(b"".join(hashlib.sha256(archive).digest() for archive in archives)).hexdigest()
    with lock:
        if key not in unpacked:
            directory = tempfile.mkdtemp(prefix="layers-", dir=beside)
            for archive in archives:
                extract(archive, directory)
            unpacked[key] = directory
        return unpacked[key]


def extract(archive, directory):
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for entry in files.infolist():
            path = files.extract(entry, directory)
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                os.chmod(path, mode | 0o400)


def mounting():
    """The command that gives a process a /opt of its own, or None where this system does not allow it."""
    if shutil.which("unshare") is None or not os.path.isdir("/opt"):
        return None
    with tempfile.TemporaryDirectory() as directory:
        for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
            command = ["unshare", *options, "sh", "-c", MOUNT, "sh"]
            try:
                tried = subprocess.run([*command, directory, "true"], capture_output=True, timeout=10)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if tried.returncode == 0:
                return command
    return None


class Processes:
    """The module `subprocess`, whose processes may have a /opt of their own."""

    def __init__(self):
        self.command = None
        self.tried = False

    def __getattr__(self, name):
        return getattr(subprocess, name)

    def Popen(self, command, *args, env=None, **options):
        opt = (env or {}).pop(OPT, None)
        if opt is not None:
            if not self.tried:
                self.command, self.tried = mounting(), True
                if self.command is None:
                    logger.warning("this system gives functions no /opt of their own: the files of layers are in the directory that LAYERS names, and in PATH and LD_LIBRARY_PATH")
            if self.command is None:
                env["LAYERS"] = opt
            else:
                command = [*self.command, opt, *command]
        return subprocess.Popen(command, *args, env=env, **options)


def with_layers(config, code_dir, port):
    """The environment of a function's process, with the paths that Lambda gives it."""
    environment = worker_environment(config, code_dir, port)
    archives = [archive for archive in map(lambda_svc._resolve_layer_zip, config.get("Layers") or []) if archive]
    if not archives:
        return environment
    opt = unpack(archives, os.path.dirname(code_dir))
    if os.path.isdir(os.path.join(opt, "extensions")):
        logger.warning("the layers of %s have extensions, which the local cloud does not start", config.get("FunctionName"))
    environment[OPT] = opt
    environment["PATH"] = os.pathsep.join([os.path.join(opt, "bin"), environment.get("PATH", "")])
    libraries = [code_dir, os.path.join(code_dir, "lib"), os.path.join(opt, "lib")]
    own = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries + ([own] if own else []))
    return environment


if rules.on("function-layers"):
    lambda_svc._provided_worker_env = with_layers
    lambda_runtime.subprocess = Processes()

//! The ports of a local cloud.

use std::io;
use std::net::TcpListener;

use super::HOST;

/// The ports of the gateway, of the Bedrock stand-in, and of the emulator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub gateway: u16,
    pub bedrock: u16,
    pub emulator: u16,
}

impl Ports {
    pub fn are_free(self) -> bool {
        [self.gateway, self.bedrock, self.emulator].into_iter().all(is_free)
    }

    pub fn free() -> io::Result<Self> {
        let listen = || TcpListener::bind((HOST, 0));
        let (gateway, bedrock, emulator) = (listen()?, listen()?, listen()?);
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        Ok(Self { gateway: port(&gateway)?, bedrock: port(&bedrock)?, emulator: port(&emulator)? })
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((HOST, port)).is_ok()
}

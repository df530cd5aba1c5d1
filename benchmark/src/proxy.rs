//! A proxy between a tool and the emulator: it adds the network delay to AWS to every call, and records the times of
//! all calls.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::calls::{Call, name};
use crate::http::{Head, connect, read_body};
use crate::rates::{Limits, refusal};

/// A proxy on a free port; it runs until the process ends.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    emulator: String,
    epoch: Instant,
    run: Mutex<Run>,
    /// Set if calls beyond AWS's rates are refused.
    limits: OnceLock<Limits>,
}

/// The current measurement.
#[derive(Default)]
struct Run {
    /// Number of the measurement; an answer with another number belongs to an earlier one.
    number: u64,
    delay: Duration,
    calls: Vec<Call>,
}

impl Proxy {
    /// Starts a proxy before `emulator`, HOST:PORT.
    pub fn start(emulator: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            emulator: emulator.to_owned(),
            epoch: Instant::now(),
            run: Mutex::new(Run::default()),
            limits: OnceLock::new(),
        });
        let here = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&here);
                // Ignore a client that disconnects early; the result of the run shows the failure.
                thread::spawn(move || serve(client, &shared));
            }
        });
        Ok(Self { port, shared })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Refuses calls beyond AWS's documented rates from now on.
    pub fn enforce_rates(&self) {
        self.shared.limits.get_or_init(Limits::default);
    }

    /// Starts a measurement in which every call takes `delay` longer.
    pub fn begin(&self, delay: Duration) {
        let mut run = self.shared.run();
        *run = Run { number: run.number + 1, delay, calls: Vec::new() };
    }

    /// Ends the measurement and returns its calls.
    pub fn end(&self) -> Vec<Call> {
        let mut run = self.shared.run();
        run.number += 1;
        std::mem::take(&mut run.calls)
    }
}

impl Shared {
    fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> f64 {
        self.epoch.elapsed().as_secs_f64()
    }
}

fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let mut emulator = None;
    while let Some(mut head) = Head::read(&mut client)? {
        // Answer here, so that the body has arrived before the delay begins.
        if head.get("expect").eq_ignore_ascii_case("100-continue") {
            client.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            head.fields.retain(|(name, _)| name != "expect");
        }
        let body = read_body(&mut client, &mut head, None)?;
        let (number, delay) = {
            let run = shared.run();
            (run.number, run.delay)
        };
        let start = shared.now();
        pause(delay / 2);
        let (service, action) = name(&head, &body);
        let refused = shared.limits.get().is_some_and(|limits| !limits.admit(&format!("{service}.{action}")));
        let (answer, status) = if refused {
            // Record 429 for every service: some answer with another status, which their other refusals share.
            (refusal(&service), 429)
        } else {
            forward(&mut emulator, &shared.emulator, &head, &body)?
        };
        pause(delay / 2);
        let call = Call { service, action, start, end: shared.now(), status };
        {
            let mut run = shared.run();
            if run.number == number {
                run.calls.push(call);
            }
        }
        client.get_mut().write_all(&answer)?;
        if head.closes() {
            break;
        }
    }
    Ok(())
}

fn pause(time: Duration) {
    if !time.is_zero() {
        thread::sleep(time);
    }
}

/// Forwards the request to the emulator, which closes idle connections, so a kept one may fail once.
fn forward(
    kept: &mut Option<BufReader<TcpStream>>,
    address: &str,
    head: &Head,
    body: &[u8],
) -> io::Result<(Vec<u8>, u16)> {
    let bytes = [&head.bytes(), body].concat();
    let method = head.start.split(' ').next().unwrap_or("");
    let mut connection = match kept.take() {
        Some(mut connection) => match exchange(&mut connection, &bytes, method) {
            Ok((answer, status, closes)) => {
                *kept = (!closes).then_some(connection);
                return Ok((answer, status));
            }
            Err(_) => connect(address)?,
        },
        None => connect(address)?,
    };
    let (answer, status, closes) = exchange(&mut connection, &bytes, method)?;
    *kept = (!closes).then_some(connection);
    Ok((answer, status))
}

fn exchange(connection: &mut BufReader<TcpStream>, bytes: &[u8], method: &str) -> io::Result<(Vec<u8>, u16, bool)> {
    connection.get_mut().write_all(bytes)?;
    let mut head = Head::read(connection)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let body = read_body(connection, &mut head, Some(method))?;
    let closes = head.closes();
    if closes {
        // The client's connection to the proxy stays open.
        head.fields.retain(|(name, _)| name != "connection");
        if head.get("content-length").is_empty() && method != "HEAD" {
            head.fields.push(("content-length".to_owned(), body.len().to_string()));
        }
    }
    let status = head.status();
    Ok(([&head.bytes(), body.as_slice()].concat(), status, closes))
}

//! Draws a thumbnail of each PNG that arrives in a bucket, and puts it into another one under the same key.

use std::io::Cursor;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (bucket, width) = (std::env::var("THUMBNAILS")?, std::env::var("WIDTH")?.parse()?);
    let studio = Studio { client: connect().await, bucket, width };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| studio.handle(&event.payload).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Studio {
    client: Client,
    /// The bucket of the thumbnails.
    bucket: String,
    /// The most columns of a thumbnail.
    width: usize,
}

impl Studio {
    /// Handles an event of S3. An error lets Lambda call again, and then send the event to the dead-letter queue.
    async fn handle(&self, event: &Value) -> Result<(), Error> {
        for record in event["Records"].as_array().into_iter().flatten() {
            let bucket = record["s3"]["bucket"]["name"].as_str().ok_or("an event without a bucket")?;
            let key = record["s3"]["object"]["key"].as_str().ok_or("an event without a key")?;
            let key = decode(key)?;
            // `deployer verify` stores an object that is no picture.
            if key.contains("deployer-verify-") {
                println!("{key} is a probe");
                continue;
            }
            let picture = self.client.get_object().bucket(bucket).key(&key).send().await?;
            let thumbnail = draw(&picture.body.collect().await?.into_bytes(), self.width)?;
            let put = self.client.put_object().bucket(&self.bucket).key(&key).content_type("image/png");
            put.body(thumbnail.into()).send().await?;
            println!("{key} has a thumbnail");
        }
        Ok(())
    }
}

/// Decodes a key as S3 writes it into events: a `+` is a space, and `%` begins a byte.
fn decode(key: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(0), rest.next().unwrap_or(0)];
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?
            }
            other => other,
        });
    }
    Ok(String::from_utf8(bytes)?)
}

/// Draws a picture again with at most `width` columns. Each of its points is the average of those that it stands for.
fn draw(picture: &[u8], width: usize) -> Result<Vec<u8>, Error> {
    let mut decoder = png::Decoder::new(Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let mut points = vec![0; reader.output_buffer_size().ok_or("the picture is too large")?];
    let info = reader.next_frame(&mut points)?;
    let channels = info.color_type.samples();
    let [from_width, from_height] = [usize::try_from(info.width)?, usize::try_from(info.height)?];
    let to_width = from_width.min(width).max(1);
    let to_height = (from_height * to_width / from_width).max(1);
    let mut small = Vec::with_capacity(to_width * to_height * channels);
    for row in 0..to_height {
        for column in 0..to_width {
            let rows = span(row, to_height, from_height);
            let columns = span(column, to_width, from_width);
            for channel in 0..channels {
                let all = rows
                    .clone()
                    .flat_map(|y| columns.clone().map(move |x| y * info.line_size + x * channels + channel));
                let (sum, count) = all.fold((0, 0), |(sum, count), at| (sum + usize::from(points[at]), count + 1));
                small.push(u8::try_from(sum / count)?);
            }
        }
    }
    let mut drawn = Vec::new();
    let mut encoder = png::Encoder::new(&mut drawn, u32::try_from(to_width)?, u32::try_from(to_height)?);
    encoder.set_color(info.color_type);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&small)?;
    Ok(drawn)
}

/// Returns the points of `from` that the point `at` of `to` stands for.
fn span(at: usize, to: usize, from: usize) -> std::ops::Range<usize> {
    let begin = at * from / to;
    begin..((at + 1) * from / to).max(begin + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_was_stored() {
        assert_eq!(decode("in/a+b%2Bc%C3%A5.png").expect("UTF-8"), "in/a b+cå.png");
        assert!(decode("in/%").is_err());
    }

    #[test]
    fn a_thumbnail_has_the_averages_and_the_shape_of_the_picture() {
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, 4, 2);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().expect("a header").write_image_data(&[0, 100, 10, 30, 0, 100, 10, 30]).expect("points");
        let small = draw(&picture, 2).expect("a thumbnail");
        let mut reader = png::Decoder::new(Cursor::new(small)).read_info().expect("a picture");
        let mut points = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut points).expect("points");
        assert_eq!((info.width, info.height), (2, 1));
        assert_eq!(points, [50, 255, 20, 255], "with the alpha channel");
        assert!(draw(b"text", 2).is_err());
    }
}

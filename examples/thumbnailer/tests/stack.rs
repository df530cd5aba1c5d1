//! A picture that arrives gets a thumbnail, and other objects get none.

use std::io::Cursor;

use deployer_test::{Stack, until};

#[tokio::test]
async fn a_picture_that_arrives_gets_a_thumbnail_and_other_objects_get_none() {
    let stack = Stack::of("stack.yaml").binary("thumbnail", env!("CARGO_BIN_EXE_thumbnail")).apply();
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&stack.sdk_config().await).force_path_style(true).build(),
    );
    let (pictures, thumbnails) = (stack.output("pictures"), stack.output("thumbnails"));
    for key in ["in/notes.txt", "elsewhere/cat.png", "in/a cat.png"] {
        let put = s3.put_object().bucket(&pictures).key(key).body(picture(512, 256).into());
        put.send().await.expect("it is stored");
    }
    let drawn = async || s3.get_object().bucket(&thumbnails).key("in/a cat.png").send().await.ok();
    let thumbnail = until(drawn, async || stack.log("thumbnail")).await;
    let thumbnail = thumbnail.body.collect().await.expect("its bytes").into_bytes();
    let info = png::Decoder::new(Cursor::new(thumbnail)).read_info().expect("a picture").info().size();
    assert_eq!(info, (128, 64));
    let all = s3.list_objects_v2().bucket(&thumbnails).send().await.expect("a list");
    let all: Vec<_> = all.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(all, ["in/a cat.png"]);
    stack.destroy();
}

/// Draws a grey picture.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut drawn = Vec::new();
    let mut encoder = png::Encoder::new(&mut drawn, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let points = vec![127; usize::try_from(width * height).expect("a size")];
    encoder.write_header().expect("a header").write_image_data(&points).expect("points");
    drawn
}

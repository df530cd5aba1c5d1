//! A letter is written from the files beside the code.

use deployer_test::Stack;
use serde_json::json;

#[tokio::test]
async fn a_letter_has_the_text_of_its_file_in_the_readers_language() {
    let stack = Stack::of("stack.yaml").binary("letter", env!("CARGO_BIN_EXE_letter")).apply();
    let written = |letter: &str, language: &str| {
        stack.invoke("letter", &json!({ "letter": letter, "language": language, "name": "Kari" }))
    };
    let welcome = written("welcome", "nb");
    assert_eq!(welcome["subject"], "Velkommen, Kari");
    assert_eq!(welcome["body"], "Kontoen din er klar. Svar på dette brevet hvis noe mangler.");
    assert_eq!(written("welcome", "fr")["subject"], "Welcome, Kari", "there is no French letter");
    assert_eq!(written("goodbye", "nb")["subject"], "Goodbye, Kari");
    stack.destroy();
}

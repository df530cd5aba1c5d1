//! Answers that many resources of a run share: one listing serves all resources that are looked for in it.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::AwsError;
use crate::mutex::lock;

type Cell = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Remembered answers, by a key that names the call and what it was asked for.
#[derive(Default)]
pub(crate) struct Memo {
    cells: Mutex<HashMap<String, Cell>>,
}

impl Memo {
    /// Returns the answer remembered for `key`, or asks for it once however many tasks wait. Errors are not remembered.
    pub(crate) async fn get<T: Send + Sync + 'static>(
        &self,
        key: &str,
        ask: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<Arc<T>, AwsError> {
        let cell = {
            let mut cells = lock(&self.cells);
            cells.entry(key.to_owned()).or_default().clone()
        };
        let answer = cell
            .get_or_try_init(|| async { Ok::<_, AwsError>(Arc::new(ask.await?) as Arc<dyn Any + Send + Sync>) })
            .await?;
        answer
            .clone()
            .downcast()
            .map_err(|_| AwsError::Shape { what: key.to_owned(), message: "remembered as another type".into() })
    }

    /// Drops the answer for `key`. Tasks that wait for it already still get it; later ones ask AWS.
    pub(crate) fn forget(&self, key: &str) {
        lock(&self.cells).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_tasks_that_wait_share_one_answer_until_it_is_forgotten() {
        let (memo, asked) = (Memo::default(), AtomicU32::new(0));
        let ask = || async {
            tokio::task::yield_now().await;
            Ok(asked.fetch_add(1, Ordering::Relaxed))
        };
        let (a, b) = tokio::join!(memo.get("apis", ask()), memo.get("apis", ask()));
        assert_eq!((*a.unwrap(), *b.unwrap()), (0, 0));
        memo.forget("apis");
        assert_eq!(*memo.get("apis", ask()).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_error_is_not_remembered() {
        let memo = Memo::default();
        let refused = AwsError::missing("apigateway:GetRestApis", "item");
        assert!(memo.get::<u32>("apis", async { Err(refused) }).await.is_err());
        assert_eq!(*memo.get("apis", async { Ok(7_u32) }).await.unwrap(), 7);
    }
}

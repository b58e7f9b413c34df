//! A simulated org in this process, and a plain HTTP client.

use orgkeep::simorg::serve::{self, Options, Ready, Running};
use serde_json::Value;

pub(super) struct Site {
    running: Running,
    threads: tokio::runtime::Runtime,
    client: reqwest::Client,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|err| panic!("{err}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }
}

impl Site {
    pub(super) fn acme() -> Self {
        Self::start(&Options::default())
    }

    pub(super) fn start(options: &Options) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            running: serve::start(options).unwrap(),
            threads: tokio::runtime::Runtime::new().unwrap(),
            client,
        }
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.running.ready
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// `127.0.0.1:12345`.
    pub(super) fn address(&self) -> &str {
        self.running.url().split_once("://").unwrap().1
    }

    pub(super) fn token(&self, who: &str) -> &str {
        self.ready().token_of(who).unwrap()
    }

    pub(super) fn admin(&self) -> &str {
        &self.ready().users[0].token
    }

    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.threads.block_on(future)
    }

    pub(super) fn try_send(
        &self,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<Answer, reqwest::Error> {
        self.wait(async {
            let response = request(&self.client).send().await?;
            Ok(Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                text: response.text().await?,
            })
        })
    }

    pub(super) fn send(
        &self,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Answer {
        self.try_send(request).unwrap()
    }

    pub(super) fn get(&self, token: &str, path: &str) -> Answer {
        self.send(|it| it.get(self.url(path)).bearer_auth(token))
    }

    pub(super) fn query(&self, token: &str, soql: &str) -> Answer {
        let url = self.url("/services/data/v66.0/query");
        self.send(|it| it.get(url).query(&[("q", soql)]).bearer_auth(token))
    }

    /// The records that the administrator gets.
    pub(super) fn records(&self, soql: &str) -> Vec<Value> {
        let answer = self.query(self.admin(), soql);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["records"].as_array().unwrap().clone()
    }

    pub(super) fn tooling(&self, soql: &str) -> Answer {
        let url = self.url("/services/data/v66.0/tooling/query");
        self.send(|it| it.get(url).query(&[("q", soql)]).bearer_auth(self.admin()))
    }

    pub(super) fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(|it| it.post(self.url(path)).form(pairs))
    }

    pub(super) fn soap(&self, token: &str, body: &str) -> Result<Answer, reqwest::Error> {
        let envelope = format!(
            "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns=\"http://soap.sforce.com/2006/04/metadata\"><soapenv:Header><SessionHeader><sessionId>{token}\
             </sessionId></SessionHeader></soapenv:Header><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        );
        self.try_send(|it| {
            it.post(self.url("/services/Soap/m/66.0"))
                .header("Content-Type", "text/xml; charset=UTF-8")
                .header("SOAPAction", "\"\"")
                .body(envelope)
        })
    }

    pub(super) fn list(&self, type_name: &str) -> Result<Answer, reqwest::Error> {
        let query = format!(
            "<listMetadata><queries><type>{type_name}</type></queries><asOfVersion>66.0</asOfVersion></listMetadata>"
        );
        self.soap(self.admin(), &query)
    }

    pub(super) fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.send(|it| {
            let request = it.request(method.parse().unwrap(), self.url(path));
            if body.is_null() {
                request
            } else {
                request.json(body)
            }
        });
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        answer
    }

    pub(super) fn shut_down(self) {
        self.running.shut_down();
    }
}

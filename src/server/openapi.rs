//! The API as an `OpenAPI` 3.1 document, printed from the types that the handlers take and give. What the sync spec does
//! not name is marked `x-addition`.

use std::sync::LazyLock;

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::protocol::Problem;

/// What the document says of one endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    method: &'static str,
    name: &'static str,
    summary: &'static str,
    addition: bool,
    open: bool,
    query: Option<Draw>,
    body: Option<Draw>,
    /// What a 200 with JSON holds; other answers are `plain`.
    answer: Option<Draw>,
    plain: Option<(u16, &'static str)>,
    /// A 304 where the caller has it already.
    conditional: bool,
    /// A 200 is the file's bytes.
    binary: bool,
    /// The media type of a body that is no JSON.
    bytes: Option<(&'static str, bool)>,
    /// Request headers, and whether they must be there.
    headers: &'static [(&'static str, bool)],
    problems: &'static [u16],
}

type Draw = fn(&mut SchemaGenerator) -> Schema;

impl Endpoint {
    /// A GET that answers `A`.
    pub(super) fn get<A: JsonSchema>(path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self {
            path,
            method: "get",
            name,
            summary,
            addition: false,
            open: false,
            query: None,
            body: None,
            answer: Some(|schemas| schemas.subschema_for::<A>()),
            plain: None,
            conditional: false,
            binary: false,
            bytes: None,
            headers: &[],
            problems: &[],
        }
    }

    /// One that neither takes nor gives JSON.
    pub(super) fn plain(method: &'static str, path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self { method, answer: None, ..Self::get::<()>(path, name, summary) }
    }

    /// It answers with this status and no body.
    pub(super) fn answers(self, status: u16, description: &'static str) -> Self {
        Self { plain: Some((status, description)), ..self }
    }

    /// It answers with the bytes of a file, or a part of them.
    pub(super) fn binary(self) -> Self {
        Self { binary: true, ..self }
    }

    /// Its body is bytes of this media type; `required` where there must be one.
    pub(super) fn bytes(self, media_type: &'static str, required: bool) -> Self {
        Self { bytes: Some((media_type, required)), ..self }
    }

    /// It reads these headers; those that are marked must be there.
    pub(super) fn headers(self, headers: &'static [(&'static str, bool)]) -> Self {
        Self { headers, ..self }
    }

    /// A POST of `B` that answers `A`.
    pub(super) fn post<B: JsonSchema, A: JsonSchema>(
        path: &'static str,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        let body: Draw = |schemas| schemas.subschema_for::<B>();
        Self { method: "post", body: Some(body), ..Self::get::<A>(path, name, summary) }
    }

    /// The sync spec does not name it.
    pub(super) fn addition(self) -> Self {
        Self { addition: true, ..self }
    }

    /// It asks for no token.
    pub(super) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Its query is a `Q`.
    pub(super) fn query<Q: JsonSchema>(self) -> Self {
        Self { query: Some(|schemas| schemas.root_schema_for::<Q>()), ..self }
    }

    /// It may be asked for under the condition that it has changed.
    pub(super) fn conditional(self) -> Self {
        Self { conditional: true, headers: &[("if-none-match", false)], ..self }
    }

    /// It may be refused with these statuses, beside those that all may be refused with.
    pub(super) fn problems(self, problems: &'static [u16]) -> Self {
        Self { problems, ..self }
    }

    fn operation(&self, sent: &mut SchemaGenerator, given: &mut SchemaGenerator) -> Value {
        let mut operation = json!({ "operationId": self.name, "summary": self.summary });
        if self.addition {
            operation["description"] = "Addition: the sync spec does not name this endpoint.".into();
            operation["x-addition"] = true.into();
        }
        if self.open {
            operation["security"] = json!([]);
        }
        let parameters = self.parameters(sent);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = self.body {
            let content = json!({ "application/json": { "schema": body(sent) } });
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        if let Some((media_type, required)) = self.bytes {
            operation["requestBody"] =
                json!({ "required": required, "content": { media_type: { "schema": BYTES.clone() } } });
        }
        operation["responses"] = self.responses(given);
        operation
    }

    fn parameters(&self, sent: &mut SchemaGenerator) -> Vec<Value> {
        let in_path = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path =
            in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": TEXT.clone() }));
        let headers = self.headers.iter();
        let headers = headers.map(
            |(name, required)| json!({ "name": name, "in": "header", "required": required, "schema": TEXT.clone() }),
        );
        let query = self.query.map(|query| parameters(query(sent).as_value())).unwrap_or_default();
        in_path.chain(headers).chain(query).collect()
    }

    fn responses(&self, given: &mut SchemaGenerator) -> Value {
        let mut responses = Map::new();
        if let Some(answer) = self.answer {
            let content = json!({ "application/json": { "schema": answer(given) } });
            responses.insert("200".into(), json!({ "description": "As asked.", "content": content }));
        }
        if let Some((status, description)) = self.plain {
            responses.insert(status.to_string(), json!({ "description": description }));
        }
        if self.binary {
            let content = json!({ "*/*": { "schema": BYTES.clone() } });
            responses.insert("200".into(), json!({ "description": "The file.", "content": content }));
            responses.insert("206".into(), json!({ "description": "A part of it.", "content": content }));
        }
        if self.binary || self.conditional {
            responses.insert("304".into(), json!({ "description": "What the caller has is right." }));
        }
        let bodies: &[u16] = if self.body.is_some() { &[413, 415] } else { &[] };
        let token: &[u16] = if self.open { &[] } else { &[401] };
        for status in [&[400, 405, 500], bodies, token, self.problems].concat() {
            responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
        }
        if self.body.is_some() && self.open {
            responses.insert("401".into(), json!({ "$ref": "#/components/responses/Problem" }));
        }
        Value::Object(responses)
    }
}

static TEXT: LazyLock<Value> = LazyLock::new(|| json!({ "type": "string" }));
static BYTES: LazyLock<Value> = LazyLock::new(|| json!({ "type": "string", "format": "binary" }));

/// The document of `endpoints`.
pub(super) fn document<'e>(endpoints: impl IntoIterator<Item = &'e Endpoint>) -> Value {
    let mut sent = generator(Contract::Deserialize);
    let mut given = generator(Contract::Serialize);
    let mut paths = Map::new();
    for endpoint in endpoints {
        let at = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        at[endpoint.method] = endpoint.operation(&mut sent, &mut given);
    }
    let problem = json!({
        "description": "Refused; why, a problem document says (RFC 9457).",
        "content": { Problem::MEDIA_TYPE: { "schema": given.subschema_for::<Problem>() } },
    });
    let mut schemas = sent.take_definitions(true);
    schemas.extend(given.take_definitions(true));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dCMMS mobile sync",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The sync API as the reference server speaks it. What extends the sync spec is marked \
                `x-addition`; nothing of the spec's own is changed. Bodies may be gzip-encoded both ways.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": problem },
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    });
    mark_additions(&mut document);
    document
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.contract = contract;
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// The properties of a query's schema, each a parameter.
fn parameters(query: &Value) -> Vec<Value> {
    let properties = query.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // In a query there is no null: what is not meant is left out.
        if let Some(kind) = schema.get("type").and_then(|kind| kind.get(0)).cloned() {
            schema["type"] = kind;
        }
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    };
    properties.map(parameter).collect()
}

/// What says of itself in words that it is an addition is marked as one.
fn mark_additions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(mark_additions);
            let Some(Value::String(text)) = fields.get_mut("description") else { return };
            // Links between types are the code's affair.
            *text = text.replace("[`", "`").replace("`]", "`");
            if text.contains("(addition)") || text.contains("(addition,") {
                fields.insert("x-addition".into(), true.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mark_additions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

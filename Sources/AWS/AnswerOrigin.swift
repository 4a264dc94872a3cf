// Whether an answer comes from AWS at all. A captive portal, a proxy that is not logged in to, or a load balancer in
// maintenance also answers with 200: whoever believes it has lost what it sent.
//
// Services mark each answer with `x-amzn-RequestId`
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html speaks of the request ID; the
// header is that of https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html), and an answer that is done has the
// status 200 alone. Its body is a JSON object, or empty where an operation has nothing to say.

internal import Bytes
internal import HTTP

/// What an answer must be to count as the service's.
enum AnswerForm {
    /// JSON 1.1: one object, or nothing.
    case json
    /// The XML of STS, which also has the request's ID inside.
    case xml
}

/// Headers of answers that tell who has answered. In lower case.
let originHeaders = ["x-amzn-requestid", "content-type", "server", "via"]

/// Of an answer that says that it is done (2xx): nil when it is the service's own; otherwise what speaks against that.
func foreignAnswer(
    _ response: HTTPResponse, to url: String, _ form: AnswerForm, hiding secrets: [String] = []
) -> AWSError? {
    guard let fault = foreignFault(response, form) else { return nil }
    let who = whoAnswered(response, form, hiding: secrets)
    return AWSError(
        .notTheService,
        "this is not an answer of AWS (\(fault)) but of \(who), asked at \(RequestURL(url).host): "
            + "a captive portal or a proxy seems to answer in its place",
        status: response.status)
}

private func foreignFault(_ response: HTTPResponse, _ form: AnswerForm) -> String? {
    let body = Array(response.body.utf8)
    let isMarked = response.headers["x-amzn-requestid"].map { !$0.isEmpty } ?? false
    switch form {
    case .json:
        guard isMarked else { return "no x-amzn-RequestId" }
        guard response.status == 200 else { return "HTTP \(response.status)" }
        guard body.contains(where: { $0 > 0x20 }) else { return nil }
        guard case .object? = parsedJSON(body)?.content else { return "its body is not a JSON object" }
    case .xml:
        guard isMarked || xmlText(of: "RequestId", in: body) != nil else { return "no x-amzn-RequestId" }
        guard response.status == 200 else { return "HTTP \(response.status)" }
    }
    return nil
}

/// Characters of a page that are shown.
private let pageLimit = 60

/// In words for people: `"nginx", text/html: "<html><title>Log in…"`. What it says of itself is not to be trusted, so
/// it stands in quotes and on one line. Who repeats what he was sent must not have a part of a secret shown, so secrets
/// are hidden before words are cut; and an answer that may hold credentials is not shown but for its title.
func whoAnswered(_ response: HTTPResponse, _ form: AnswerForm, hiding secrets: [String] = []) -> String {
    func excerpt(_ text: String) -> String { start(of: text.hiding(secrets)) }
    var words: [String] = []
    for (header, before) in [("server", ""), ("via", "via "), ("content-type", "")] {
        if let value = response.headers[header].map({ excerpt($0) }), !value.isEmpty {
            words.append("\(before)\"\(value)\"")
        }
    }
    if let redirect = response.redirect { words.append("leading to \(excerpt(RequestURL(redirect).host))") }
    if let title = title(of: response.body) ?? (form == .json ? response.body : nil) {
        let page = excerpt(title)
        words.append(page.isEmpty ? "an empty page" : "a page \"\(page)\"")
    } else {
        words.append("\(response.body.utf8.count) bytes")
    }
    return words.joined(separator: ", ")
}

private func title(of page: String) -> String? {
    xmlText(of: "title", in: Array(page.utf8)) ?? xmlText(of: "TITLE", in: Array(page.utf8))
}

private func start(of text: String) -> String {
    var plain = ""
    for scalar in text.unicodeScalars.prefix(4 * pageLimit) {
        let isBlank = scalar.value <= 0x20 || scalar.value == 0x7F
        if isBlank, plain.isEmpty || plain.hasSuffix(" ") { continue }
        // No quote ends early, and no control reaches a terminal.
        plain.unicodeScalars.append(isBlank ? " " : scalar == "\"" ? "'" : scalar.isASCII ? scalar : "?")
        if plain.utf8.count >= pageLimit { return plain + "…" }
    }
    return plain.hasSuffix(" ") ? String(plain.dropLast()) : plain
}

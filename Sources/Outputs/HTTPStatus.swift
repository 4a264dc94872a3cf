// What the status of an HTTP answer means for the records that were sent. See RFC 9110, section 15, RFC 6585, and
// https://www.iana.org/assignments/http-status-codes.

package import HTTP

/// Nil for an answer that acknowledges.
package func deliveryError(for response: HTTPResponse) -> DeliveryError? {
    let start = response.body.prefix(200).split(whereSeparator: \.isNewline).joined(separator: " ")
    let reason = "HTTP \(response.status)" + (start.isEmpty ? "" : ": \(start)")
    return switch response.status {
    case 200..<300: nil
    case 408, 425, 429, 500...: .retry(after: response.retryAfter, reason: reason)
    case 413: .tooLarge(reason: reason)
    case 300..<400:
        .retry(
            after: nil,
            reason: "\(reason); "
                + (response.redirect.map { "not followed: set \"url\" to \(shownURL($0))" }
                    ?? "the answer does not say where to go: check \"url\""))
    // These speak of the request or of the server, not of a record: a person has to change the settings or the
    // receiver, and until then the log files keep what would fill `rejected/`.
    case let status where speaksOfRequestOrServer(status):
        .notAllowed(reason: [reason, hint(for: status)].compactMap(\.self).joined(separator: "; "))
    case 400..<500: .rejected(reason: reason)
    // 1xx never is the last answer, and what is below stands in no document.
    default: .retry(after: nil, reason: "\(reason): this is no final answer of HTTP")
    }
}

/// What a person has to look at, where the receiver's words may not say it.
private func hint(for status: Int) -> String? {
    switch status {
    case 402: "the receiver wants to be paid"
    case 404, 410: "the receiver has nothing at this address: check \"url\""
    case 405: "the receiver takes no POST at this address: check \"url\""
    case 406: "the receiver cannot answer as we ask: check \"url\" and \"headers\""
    case 411, 412, 416, 417, 428: "the receiver wants other headers: check \"headers\", and proxies in between"
    case 414, 431: "the address or the headers are too long for the receiver: check \"url\" and \"headers\""
    case 415:
        "the receiver does not take application/x-ndjson, or not compressed: check \"url\" and \"compression\""
    case 421: "this server does not answer for that name: check \"url\""
    case 423, 424: "the receiver is locked"
    case 426, 451: "the receiver does not serve this kind of request"
    default: nil
    }
}

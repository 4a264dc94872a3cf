// What is sent and what comes back, whoever carries it.

/// A request with a body, to be posted.
package struct HTTPRequest: Sendable {
    package var method: String
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        method: String = "POST", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

package struct HTTPResponse: Sendable {
    package var status: Int
    /// From `Retry-After` (RFC 9110, section 10.2.3).
    package var retryAfter: Duration?
    /// At most the first few kilobytes: enough to say what was wrong.
    package var body: String
    /// Where a 3xx answer leads; it is not followed.
    package var redirect: String?
    /// Those that `HTTPClientOptions.keptHeaders` names, by these names.
    package var headers: [String: String]

    package init(
        status: Int, retryAfter: Duration? = nil, body: String = "", redirect: String? = nil,
        headers: [String: String] = [:]
    ) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
        self.redirect = redirect
        self.headers = headers
    }
}

/// Whether a status of 4xx says what is wrong with the request or the server, and nothing of what the body holds: a
/// person has to change something. See RFC 9110, section 15.5, and https://www.iana.org/assignments/http-status-codes.
package func speaksOfRequestOrServer(_ status: Int) -> Bool {
    switch status {
    case 401...407, 410...412, 414...417, 421, 423, 424, 426, 428, 431, 451: true
    default: false
    }
}

/// No answer: refused, timed out, TLS failed, the name is unknown.
package struct TransportError: Error, Equatable {
    package let reason: String
    /// The time was over or the connection broke off, and the body is not small: less of it may get through. Some
    /// receivers close the connection at a size, without a word.
    package let isTooMuch: Bool

    package init(reason: String, isTooMuch: Bool = false) {
        self.reason = reason
        self.isTooMuch = isTooMuch
    }
}

/// Blocks until the answer or the deadline. In the agent: `HTTPClient`, by libcurl; in tests: a script.
package protocol HTTPTransport {
    mutating func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse

    /// How often it has sent a request again by itself, which the receiver may have had already. Only grows.
    var resendCount: Int { get }

    /// The next request has a new connection: who we are may have changed.
    func renewConnection()

    /// From the next request on, by another proxy, or with another password at the same.
    func use(proxy: String)

    /// One with the same options and a connection of its own.
    func another() throws(TransportError) -> sending Self
}

extension HTTPTransport {
    package var resendCount: Int { 0 }
    package func renewConnection() {}
    package func use(proxy: String) {}
}

// Requests of HTTP/1.1 and 1.0, from bytes that come in pieces: RFC 9112 for the form, RFC 9110 for the answers.
//
// The server has nothing to be sent: a small body is read and dropped, a large one is refused.

internal import Bytes
package import Platform

/// A request without its body.
package struct HTTPServerRequest: Sendable, Equatable {
    package struct Header: Sendable, Equatable {
        /// In lower case.
        package var name: String
        package var value: String
    }

    /// Where it came from.
    package enum Origin: Sendable, Equatable {
        /// Who may connect there is said by the mode of the socket.
        case unixSocket
        /// Nil when the client has gone already.
        case network(SocketAddress?)
    }

    package var method: String
    /// The target up to `?`, as it was sent.
    package var path: String
    /// What stands after `?`, as it was sent; empty when there is none.
    package var query: String
    package var headers: [Header]
    /// Whom the client means to ask, with a port where it names one: what stands in the target, else the header `Host`
    /// (RFC 9112, section 3.2.2). Nil when it says nothing, which HTTP/1.0 allows.
    package var host: String?
    /// The client wants to send more requests on this connection.
    package var keepsAlive: Bool
    /// Set by the server: until then from where one trusts least.
    package var origin = Origin.network(nil)

    /// All values of a header, joined by commas as RFC 9110, section 5.3 says; nil when it was not sent.
    package func header(_ name: String) -> String? {
        let values = headers.filter { $0.name == name }
        return values.isEmpty ? nil : values.map(\.value).joined(separator: ", ")
    }
}

/// Why a request is not served. The connection is closed after this answer, since its next byte may be anything.
package struct RequestRefusal: Error, Sendable, Equatable {
    package let status: Int
    package let reason: String
}

/// Takes bytes as they come and gives requests, in order.
package struct RequestParser: Sendable {
    /// Request line and headers together. Prometheus sends 300 bytes; proxies add cookies and tokens.
    package static let headByteLimit = 16 << 10
    /// `collect[]` for every collector there is fits in a quarter of it.
    package static let targetByteLimit = 8 << 10
    /// A browser behind two proxies sends thirty.
    package static let headerCountLimit = 100
    /// Nothing here takes a body. What a clumsy client sends with a GET is dropped up to this size.
    package static let bodyByteLimit = 4 << 10
    /// Pipelined requests that wait for their turn. When it is reached the server reads no more until it has answered.
    package static let waitingByteLimit = 2 * headByteLimit

    /// Every connection of TLS begins with it (RFC 8446, section 5.1).
    static let tlsHandshake: UInt8 = 0x16

    private var buffer: [UInt8] = []
    /// Bytes of `buffer` that belong to requests which were given.
    private var consumed = 0
    /// The start of the line that is looked at, and how far it was searched for its end.
    private var lineStart = 0
    private var searched = 0
    private var head = Head()
    private var bodyBytesLeft = 0

    /// The request whose head is being read.
    private struct Head {
        var method = ""
        var target = ""
        var isHTTP10 = false
        var headers: [HTTPServerRequest.Header] = []
        var hasRequestLine = false
    }

    package init() {}

    /// No byte of a request has come that was not given.
    package var isBetweenRequests: Bool { buffer.isEmpty && bodyBytesLeft == 0 }

    /// Bytes that wait to be parsed.
    package var waitingByteCount: Int { buffer.count - consumed }

    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        // Pipelined requests may keep the buffer from ever being empty.
        if consumed >= Self.headByteLimit {
            buffer.removeFirst(consumed)
            lineStart -= consumed
            searched -= consumed
            consumed = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next request, or nil when more bytes are needed.
    package mutating func next() throws(RequestRefusal) -> HTTPServerRequest? {
        dropBody()
        guard bodyBytesLeft == 0 else { return nil }
        while let line = takeLine() {
            if !head.hasRequestLine { try checkStart(line) }
            guard lineStart - consumed <= Self.headByteLimit else { throw tooLong() }
            if !head.hasRequestLine {
                // Clients of old sent an empty line after a body (RFC 9112, section 2.2).
                if !line.isEmpty { try parseRequestLine(line) }
            } else if !line.isEmpty {
                try parseHeader(line)
            } else {
                return try finishHead()
            }
        }
        if !head.hasRequestLine { try checkStart(lineStart..<buffer.count - (buffer.last == UInt8(ascii: "\r") ? 1 : 0)) }
        guard buffer.count - consumed <= Self.headByteLimit else { throw tooLong() }
        if !head.hasRequestLine, buffer.count - lineStart > Self.targetByteLimit + 64 { throw tooLong() }
        if buffer.count == consumed { release() }
        return nil
    }

    /// The next line without its end, CRLF or LF; nil when it has not come whole.
    private mutating func takeLine() -> Range<Int>? {
        while searched < buffer.count, buffer[searched] != UInt8(ascii: "\n") { searched += 1 }
        guard searched < buffer.count else { return nil }
        var end = searched
        if end > lineStart, buffer[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let line = lineStart..<end
        searched += 1
        lineStart = searched
        return line
    }

    /// 414 as long as it is the target that is too long.
    private func tooLong() -> RequestRefusal {
        head.hasRequestLine
            ? RequestRefusal(status: 431, reason: "the headers have more than \(Self.headByteLimit) bytes")
            : RequestRefusal(status: 414, reason: "the request line has more than \(Self.targetByteLimit) bytes")
    }

    private mutating func dropBody() {
        if bodyBytesLeft > 0 {
            let dropped = min(bodyBytesLeft, buffer.count - consumed)
            bodyBytesLeft -= dropped
            consumed += dropped
            lineStart = consumed
            searched = consumed
        }
        if consumed == buffer.count { release() }
    }

    /// An idle connection keeps no buffer.
    private mutating func release() {
        buffer = []
        consumed = 0
        lineStart = 0
        searched = 0
    }
}

// MARK: Lines

extension RequestParser {
    /// `GET /metrics HTTP/1.1`: exactly one space between the parts (RFC 9112, section 3).
    private mutating func parseRequestLine(_ line: Range<Int>) throws(RequestRefusal) {
        let parts = buffer[line].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw malformed("expected method, target and version with one space between them")
        }
        guard parts[1].count <= Self.targetByteLimit else { throw tooLong() }
        guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw malformed("the target has bytes that must be percent-encoded")
        }
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": head.isHTTP10 = false
        case "HTTP/1.0": head.isHTTP10 = true
        case let version:
            let digits = Array(version.utf8.dropFirst(5))
            guard version.hasPrefix("HTTP/"), digits.count == 3, digits[0].isDigit, digits[1] == UInt8(ascii: "."),
                digits[2].isDigit
            else { throw malformed("expected a version such as HTTP/1.1") }
            throw RequestRefusal(status: 505, reason: "\(version) is not spoken here, HTTP/1.1 is")
        }
        head.method = String(decoding: parts[0], as: UTF8.self)
        head.target = String(decoding: parts[1], as: UTF8.self)
        head.hasRequestLine = true
    }

    /// Of a request line, of which the end may not have come: what cannot become one is refused at once. Who speaks TLS,
    /// since an address says https where it should say http, sends no line end and waits for an answer.
    private func checkStart(_ line: Range<Int>) throws(RequestRefusal) {
        guard let first = buffer[line].first else { return }
        if first == Self.tlsHandshake { throw malformed("TLS is not spoken here, HTTP is") }
        let method = buffer[line].prefix { $0 != UInt8(ascii: " ") }
        guard !method.isEmpty, method.allSatisfy(\.isTokenByte) else {
            throw malformed("a request begins with a method and a space")
        }
    }

    private mutating func parseHeader(_ line: Range<Int>) throws(RequestRefusal) {
        guard head.headers.count < Self.headerCountLimit else {
            throw RequestRefusal(status: 431, reason: "more than \(Self.headerCountLimit) headers")
        }
        let text = buffer[line]
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > line.lowerBound,
            text[..<colon].allSatisfy(\.isTokenByte)
        else {
            // A line that begins with a space goes on from the one before: obsolete, and a way to smuggle headers.
            throw malformed("expected a header name, a colon and a value")
        }
        var value = text[(colon + 1)...]
        while let byte = value.first, byte.isSpace { value.removeFirst() }
        while let byte = value.last, byte.isSpace { value.removeLast() }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") }) else {
            throw malformed("a header has a control character in it")
        }
        head.headers.append(
            HTTPServerRequest.Header(
                name: String(decoding: text[..<colon].map(\.lowercased), as: UTF8.self),
                value: String(decoding: value, as: UTF8.self)))
    }

    private func malformed(_ reason: String) -> RequestRefusal { RequestRefusal(status: 400, reason: reason) }
}

// MARK: Whole heads

extension RequestParser {
    private mutating func finishHead() throws(RequestRefusal) -> HTTPServerRequest {
        consumed = lineStart
        let finished = head
        head = Head()
        var request = HTTPServerRequest(
            method: finished.method, path: "", query: "", headers: finished.headers, keepsAlive: false)
        let hosts = request.headers.count { $0.name == "host" }
        guard hosts == 1 || hosts == 0 && finished.isHTTP10 else {
            throw malformed(hosts == 0 ? "the Host header is missing" : "more than one Host header")
        }
        bodyBytesLeft = try bodyLength(of: request, isHTTP10: finished.isHTTP10)
        guard request.header("expect") == nil || finished.isHTTP10 else {
            throw RequestRefusal(status: 417, reason: "no expectation can be met here")
        }
        try split(finished.target, into: &request)
        let connection = (request.header("connection") ?? "").lowercased().split(separator: ",").map(\.trimmed)
        request.keepsAlive = finished.isHTTP10 ? connection.contains("keep-alive") : !connection.contains("close")
        dropBody()
        return request
    }

    /// RFC 9112, section 6.
    private func bodyLength(of request: HTTPServerRequest, isHTTP10: Bool) throws(RequestRefusal) -> Int {
        let lengths = request.headers.filter { $0.name == "content-length" }.map(\.value)
        if let coding = request.header("transfer-encoding") {
            // With both, two servers may disagree where the next request begins; HTTP/1.0 has no such coding.
            guard lengths.isEmpty, !isHTTP10 else { throw malformed("Transfer-Encoding does not belong here") }
            throw coding.lowercased() == "chunked"
                ? RequestRefusal(status: 411, reason: "a body needs a Content-Length here")
                : RequestRefusal(status: 501, reason: "a transfer coding that is not known here")
        }
        guard let first = lengths.first else { return 0 }
        guard lengths.allSatisfy({ $0 == first }), !first.isEmpty, first.utf8.allSatisfy(\.isDigit) else {
            throw malformed("Content-Length is not one number")
        }
        guard let length = Int(first), length <= Self.bodyByteLimit else {
            throw RequestRefusal(status: 413, reason: "a body has at most \(Self.bodyByteLimit) bytes here")
        }
        return length
    }

    /// `/path?query`, or with scheme and host in front as proxies get it (RFC 9112, section 3.2).
    private func split(_ target: String, into request: inout HTTPServerRequest) throws(RequestRefusal) {
        var rest = target[...]
        request.host = request.header("host")
        if !rest.hasPrefix("/") {
            let lowered = target.lowercased()
            if lowered.hasPrefix("http://") || lowered.hasPrefix("https://") {
                let authority = rest.utf8.dropFirst(lowered.hasPrefix("http://") ? 7 : 8)
                let end = authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
                request.host = String(authority[..<(end ?? authority.endIndex)])
                rest = end.map { rest[$0...] } ?? ""
                if !rest.hasPrefix("/") { rest = "/" + rest }
            } else if target != "*" && request.method != "CONNECT" {
                throw malformed("expected a target that begins with /")
            }
        }
        let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        request.path = String(rest[..<(mark ?? rest.endIndex)])
        request.query = mark.map { String(rest[rest.utf8.index(after: $0)...]) } ?? ""
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    fileprivate var lowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self + 32 : self
    }

    /// RFC 9110, section 5.6.2.
    fileprivate var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }
}

extension Substring {
    /// Without spaces and tabs at its ends.
    package var trimmed: Substring {
        var text = self
        while let first = text.utf8.first, first.isSpace { text.removeFirst() }
        while let last = text.utf8.last, last.isSpace { text.removeLast() }
        return text
    }
}

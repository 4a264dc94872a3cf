// What a handler answers, how many clients the server has, and how long each may take.

internal import Bytes

package struct HTTPServerResponse: Sendable {
    package var status: Int
    package var contentType: String
    /// Besides those that the server writes: Content-Type, Content-Length, Connection.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Who asked has shown that he may: his connection gets a place among those that others cannot take.
    package var isForKnownClient = false

    package init(
        status: Int, contentType: String = "text/plain; charset=utf-8",
        headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    package init(status: Int, text: String, headers: [(name: String, value: String)] = []) {
        self.init(status: status, headers: headers, body: Array((text + "\n").utf8))
    }
}

/// How many, and how long.
package struct HTTPServerLimits: Sendable {
    /// Connections at the same time: so many of clients that have shown who they are, and so many of others. For one
    /// more the one goes that has been silent for longest; when all are being served, the new one is answered with 503.
    package var connections: Int
    /// For a request to come whole, from its first byte, or from the start of the connection.
    package var requestDeadline: Duration
    /// For the client to take a response.
    package var responseDeadline: Duration
    /// Between requests. Longer than Prometheus' longest usual interval, so that a scrape finds its connection open.
    package var idleDeadline: Duration
    /// For the client to see the end of the last response before the connection is gone (RFC 9112, section 9.6).
    package var closingDeadline: Duration

    package init(
        connections: Int, requestDeadline: Duration = .seconds(10), responseDeadline: Duration = .seconds(30),
        idleDeadline: Duration = .seconds(75), closingDeadline: Duration = .seconds(2)
    ) {
        self.connections = connections
        self.requestDeadline = requestDeadline
        self.responseDeadline = responseDeadline
        self.idleDeadline = idleDeadline
        self.closingDeadline = closingDeadline
    }
}

/// What happened since the start.
package struct HTTPServerCounts: Sendable, Equatable {
    package var connectionsAccepted: UInt64 = 0
    package var requests: UInt64 = 0
    /// Connections beyond the limit: closed to make room, or turned away.
    package var refusedByLimit: UInt64 = 0
    /// Requests that were malformed, too large, or in another way not served.
    package var refusedRequests: UInt64 = 0
    package var requestsTooSlow: UInt64 = 0
    /// Clients that did not take their response in time.
    package var responsesTooSlow: UInt64 = 0
    /// Connections that could not be accepted: no descriptors left.
    package var acceptsFailed: UInt64 = 0
    /// Clients that did not get through the handshake of TLS, plain HTTP among them.
    package var handshakesFailed: UInt64 = 0

    package init() {}
}

extension HTTPServerResponse {
    /// Status line and headers, with the empty line that ends them.
    func head(keepsAlive: Bool) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(256)
        head.append("HTTP/1.1 ")
        head.append(decimal: status)
        head.append(UInt8(ascii: " "))
        head.append(Self.reason(of: status))
        head.append("\r\nContent-Type: ")
        head.append(text: contentType)
        head.append("\r\nContent-Length: ")
        head.append(decimal: body.count)
        for header in headers {
            head.append("\r\n")
            head.append(text: header.name)
            head.append(": ")
            head.append(text: header.value)
        }
        // Said both ways, since HTTP/1.0 needs the one and HTTP/1.1 the other.
        head.append(keepsAlive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        return head
    }

    private static func reason(of status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}

// The smallest client there can be, for `vitals status`: it asks the running agent, without TLS and without libcurl.

internal import Bytes
package import Platform

/// What an answer may have: a status page of thousands of routes is far below.
private let answerByteLimit = 16 << 20

/// Sends one GET and waits for the whole answer, until `deadline`.
///
/// - Throws: `TransportError` when there is no answer, or one that is cut off or not HTTP.
package func httpGet(
    _ address: SocketAddress, path: String, deadline: Instant
) throws(TransportError) -> (status: Int, body: [UInt8]) {
    let answer: [UInt8]
    do throws(Errno) { answer = try exchange(address, path: path, deadline: deadline) } catch {
        var hint = ""
        if case .unix = address, error == .accessDenied { hint = "; root may ask there, and who is in its group" }
        throw TransportError(reason: "\(address): \(error)\(hint)")
    }
    guard !answer.isEmpty else {
        throw TransportError(reason: "\(address): it closed the connection, and said nothing")
    }
    guard let parsed = parse(answer) else {
        throw TransportError(reason: "\(address): the answer is not whole, or not HTTP")
    }
    return parsed
}

private func exchange(_ address: SocketAddress, path: String, deadline: Instant) throws(Errno) -> [UInt8] {
    let socket = try Socket.connecting(to: address, until: deadline)
    // HTTP/1.0: the answer ends with the connection, and is never chunked.
    let request = Array("GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8)
    var written = 0
    while written < request.count {
        try socket.wait(for: .writing, until: deadline)
        written += try socket.write(request, from: written)
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        try socket.wait(for: .reading, until: deadline)
        let count = try socket.read(into: &buffer)
        if count == 0 { return answer }
        answer.append(contentsOf: buffer[..<count])
        guard answer.count <= answerByteLimit else { throw Errno.tooLarge }
    }
}

/// nil when it is not HTTP, or shorter than it says.
private func parse(_ answer: [UInt8]) -> (status: Int, body: [UInt8])? {
    var cursor = ByteCursor(answer)
    guard cursor.skip("HTTP/1."), cursor.unsigned() != nil, cursor.skip(" "), let status = cursor.unsigned() else {
        return nil
    }
    cursor.skipToNextLine()
    var length: Int?
    while !cursor.isAtEnd {
        var line = cursor.restOfLine()
        cursor.skipToNextLine()
        if line.count > 0, answer[line.upperBound - 1] == UInt8(ascii: "\r") {
            line = line.lowerBound..<line.upperBound - 1
        }
        if line.isEmpty {
            let body = Array(answer[cursor.index...])
            return length.map { $0 == body.count } ?? true ? (Int(status), body) : nil
        }
        let text = cursor.text(line).lowercased()
        if text.hasPrefix("content-length:") { length = Int(text.dropFirst("content-length:".count).trimmed) }
    }
    return nil
}

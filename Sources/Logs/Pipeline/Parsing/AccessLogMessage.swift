// Access logs of nginx and Apache, the formats `common` and `combined` and what is written behind them:
//
//     192.0.2.1 - alice [21/Nov/2026:02:38:30 +0100] "GET /a?b HTTP/1.1" 200 612 "https://ref/" "curl/8.0" "10.0.0.9"
//
// https://nginx.org/en/docs/http/ngx_http_log_module.html
// https://httpd.apache.org/docs/current/mod/mod_log_config.html
//
// Before the address of the client there may be the server, with its port or without, as in Debian's `vhost_combined`.
// A line of another form is none: its fields would be taken for one another.
//
// The fields have the names of nginx's variables. The message stays the whole line, with all that is behind the last.

internal import Bytes

struct AccessLogMessage: MessageParser {
    let timeFormat: TimeFormat

    init() {
        do throws(TimePatternError) {
            timeFormat = .pattern(try TimePattern("%d/%b/%Y:%H:%M:%S %z"))
        } catch { bug("a pattern of our own: \(error)") }
    }

    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        let end = draft.text.upperBound
        guard let (before, time, after) = draft.bytes.accessTime(draft.text),
            let client = AccessLogClient(draft.bytes, before)
        else { return nil }
        var index = after
        guard let request = draft.bytes.quoted(&index, end), draft.bytes.skip(" ", &index, end) else { return nil }
        let status = draft.bytes.word(&index, end)
        guard status.count == 3, draft.bytes.isNumber(status), draft.bytes.skip(" ", &index, end) else { return nil }
        let size = draft.bytes.word(&index, end)
        guard !size.isEmpty, draft.bytes.isNumber(size) || draft.bytes.has(size, "-") else { return nil }

        if let server = client.server { add("server_name", server, to: &draft, &found) }
        if let port = client.port { add("server_port", port, isNumber: true, to: &draft, &found) }
        add("remote_addr", client.address, to: &draft, &found)
        add("remote_ident", client.identity, to: &draft, &found)
        add("remote_user", client.user, to: &draft, &found)
        found.addTime(draft.append("time_local"), time, in: draft.bytes)
        addRequest(request, to: &draft, &found)
        add("status", status, isNumber: true, to: &draft, &found)
        add("body_bytes_sent", size, isNumber: true, to: &draft, &found)
        addHeaders(from: index, to: &draft, &found)
        return ParsedMessage()
    }

    /// `"https://ref/" "curl/8.0" "10.0.0.9"`: the first two of `combined`, the third of nginx's `main`. Texts in other
    /// places are not known, and get no name.
    private func addHeaders(from start: Int, to draft: inout RecordDraft, _ found: inout FoundFields) {
        var index = start
        let end = draft.text.upperBound
        var values = InlineArray<3, (inside: Range<Int>, hasEscapes: Bool)>(repeating: (0..<0, false))
        var count = 0
        while count < 3, draft.bytes.skip(" ", &index, end), let value = draft.bytes.quoted(&index, end) {
            values[count] = value
            count += 1
        }
        // One alone may be any.
        guard count >= 2 else { return }
        // A name of a host in front of them: then the second is an address of a page, and the first is not.
        let (referer, agent) = (values[0].inside, values[1].inside)
        let isReferer = draft.bytes.isURL(referer) || draft.bytes.has(referer, "-") || referer.isEmpty
        guard isReferer || !draft.bytes.isURL(agent) else { return }
        add("http_referer", values[0], to: &draft, &found)
        add("http_user_agent", values[1], to: &draft, &found)
        if count == 3, draft.bytes.isAddressList(values[2].inside) {
            add("http_x_forwarded_for", values[2], to: &draft, &found)
        }
    }

    private func add(
        _ name: StaticString, _ quoted: (inside: Range<Int>, hasEscapes: Bool), to draft: inout RecordDraft,
        _ found: inout FoundFields
    ) {
        add(name, quoted.hasEscapes ? draft.unescapedHeader(quoted.inside) : quoted.inside, to: &draft, &found)
    }

    /// A dash says that there is none.
    private func add(
        _ name: StaticString, _ value: Range<Int>, isNumber: Bool = false, to draft: inout RecordDraft,
        _ found: inout FoundFields
    ) {
        guard !draft.bytes.has(value, "-") else { return }
        found.add(draft.append(name), value, isNumber: isNumber, mayHaveRole: false, in: draft.bytes)
    }

    /// `GET /a?b HTTP/1.1` in its three parts; what is no such line stays one field.
    private func addRequest(
        _ quoted: (inside: Range<Int>, hasEscapes: Bool), to draft: inout RecordDraft, _ found: inout FoundFields
    ) {
        let request = quoted.hasEscapes ? draft.unescapedHeader(quoted.inside) : quoted.inside
        var index = request.lowerBound
        let method = draft.bytes.word(&index, request.upperBound)
        if !method.isEmpty, draft.bytes.skip(" ", &index, request.upperBound),
            let last = draft.bytes[index..<request.upperBound].lastIndex(of: UInt8(ascii: " ")), last > index,
            last + 5 < request.upperBound, draft.bytes.has(last + 1..<last + 6, "HTTP/")
        {
            add("request_method", method, to: &draft, &found)
            add("request_uri", index..<last, to: &draft, &found)
            add("server_protocol", last + 1..<request.upperBound, to: &draft, &found)
        } else if !request.isEmpty {
            add("request", request, to: &draft, &found)
        }
    }
}

extension [UInt8] {
    fileprivate func isNumber(_ range: Range<Int>) -> Bool {
        !range.isEmpty && range.count <= 18 && self[range].allSatisfy { $0 &- UInt8(ascii: "0") <= 9 }
    }

    /// What stands before the time, the time between its brackets, and the quote of the request: the first `[…] "`
    /// after a space in which a time may stand. A user's name may have spaces and brackets.
    fileprivate func accessTime(_ range: Range<Int>) -> (before: Range<Int>, time: Range<Int>, request: Int)? {
        var at = range.lowerBound
        while let open = firstIndex(of: UInt8(ascii: "["), in: at..<range.upperBound) {
            at = open + 1
            guard open > range.lowerBound, self[open - 1] == UInt8(ascii: " "), at < range.upperBound,
                self[at] &- UInt8(ascii: "0") <= 9,
                let close = firstIndex(of: UInt8(ascii: "]"), in: at..<range.upperBound),
                close + 2 < range.upperBound, self[close + 1] == UInt8(ascii: " "),
                self[close + 2] == UInt8(ascii: "\"")
            else { continue }
            return (range.lowerBound..<open - 1, at..<close, close + 2)
        }
        return nil
    }

    fileprivate func isURL(_ range: Range<Int>) -> Bool {
        guard let colon = firstIndex(of: UInt8(ascii: ":"), in: range), colon > range.lowerBound else { return false }
        return has(colon..<Swift.min(colon + 3, range.upperBound), "://")
            && self[range.lowerBound..<colon].allSatisfy { $0.isNameByte || $0 == UInt8(ascii: "-") }
    }

    /// `203.0.113.7`, `2001:db8::7`, `fe80::1%eth0`.
    fileprivate func isAddress(_ range: Range<Int>) -> Bool {
        let zone = firstIndex(of: UInt8(ascii: "%"), in: range) ?? range.upperBound
        var (dots, colons) = (0, 0)
        for index in range.lowerBound..<zone {
            switch self[index] {
            case UInt8(ascii: "."): dots += 1
            case UInt8(ascii: ":"): colons += 1
            default: guard self[index].hexadecimalDigit != nil else { return false }
            }
        }
        if colons >= 2 { return true }
        return colons == 0 && dots == 3 && zone == range.upperBound
            && self[range].allSatisfy { $0.isDigit || $0 == UInt8(ascii: ".") }
    }

    /// Addresses with commas between them, or a dash for none.
    fileprivate func isAddressList(_ range: Range<Int>) -> Bool {
        if has(range, "-") { return true }
        let parts = self[range].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            let start = part.firstIndex { $0 != UInt8(ascii: " ") } ?? part.endIndex
            return isAddress(start..<part.endIndex) || has(start..<part.endIndex, "unknown")
        }
    }
}

/// Who asked, and whom: what stands before the time, in one of three forms.
///
///     203.0.113.7 - alice                                  common, combined
///     shop.example.test:443 203.0.113.7 - alice            Debian's vhost_combined
///     shop.example.test 203.0.113.7 - alice                "Common Log Format with Virtual Host" of Apache's manual
private struct AccessLogClient {
    private(set) var server: Range<Int>?
    private(set) var port: Range<Int>?
    let address: Range<Int>
    let identity: Range<Int>
    let user: Range<Int>

    /// Nil for another form: fields would be taken for one another.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var index = range.lowerBound
        let end = range.upperBound
        var words = InlineArray<3, Range<Int>>(repeating: 0..<0)
        for number in 0..<3 {
            if number > 0 { guard bytes.skip(" ", &index, end) else { return nil } }
            words[number] = bytes.word(&index, end)
            guard !words[number].isEmpty else { return nil }
        }
        let (first, second, third) = (words[0], words[1], words[2])
        let named = bytes.serverAndPort(first)
        let firstIsAddress = bytes.isAddress(first)
        let secondIsDash = bytes.has(second, "-")
        // Nobody's identity is an address. A name with a port is a server's: clients have their port on an address.
        let isClient = !bytes.isAddress(second) && (named == nil || bytes.isAddress(named?.name ?? first))
        if isClient, secondIsDash || firstIsAddress || index == end {
            (address, identity, user) = (first, second, third.lowerBound..<end)
            // A user's name may have spaces, but what has a dash for one is another field.
            guard index == end || !bytes.has(third, "-") else { return nil }
            return
        }
        // A host with a port, or the name of one before an address; then the three fields of the client.
        guard !secondIsDash, named != nil || !firstIsAddress && bytes.isAddress(second),
            !bytes.has(first, "-"), index + 1 < end
        else { return nil }
        let name = named?.name ?? first
        guard bytes.isServerName(name) else { return nil }
        (server, port) = (name, named?.port)
        (address, identity, user) = (second, third, index + 1..<end)
        guard !bytes.isAddress(identity) else { return nil }
    }
}

extension [UInt8] {
    /// A name or an address. What a logger or a proxy puts in front of the line is neither: `nginx:`, `0.005`,
    /// `203.0.113.7,`.
    fileprivate func isServerName(_ range: Range<Int>) -> Bool {
        if isAddress(range) { return true }
        let last = self[range].lastIndex(of: UInt8(ascii: ".")).map { $0 + 1 } ?? range.lowerBound
        return self[range].allSatisfy { $0.isNameByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
            && (last == range.upperBound || !self[last..<range.upperBound].allSatisfy(\.isDigit))
    }

    /// `shop.example.test:443`, `[2001:db8::1]:443`; nil for what has no port.
    fileprivate func serverAndPort(_ range: Range<Int>) -> (name: Range<Int>, port: Range<Int>)? {
        guard let colon = self[range].lastIndex(of: UInt8(ascii: ":")), colon > range.lowerBound,
            1...5 ~= range.upperBound - colon - 1, isNumber(colon + 1..<range.upperBound)
        else { return nil }
        var name = range.lowerBound..<colon
        if self[name.lowerBound] == UInt8(ascii: "["), self[colon - 1] == UInt8(ascii: "]"), name.count > 2 {
            name = name.lowerBound + 1..<colon - 1
        } else if firstIndex(of: UInt8(ascii: ":"), in: name) != nil {
            // The last part of an address of version 6.
            return nil
        }
        return (name, colon + 1..<range.upperBound)
    }
}

extension RecordDraft {
    /// Both servers write what a client must not put into a log as `\xHH`; Apache has `\"`, `\\`, `\n` and `\t` too.
    fileprivate mutating func unescapedHeader(_ range: Range<Int>) -> Range<Int> {
        let start = bytes.count
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = bytes[at]
            at += 1
            guard byte == UInt8(ascii: "\\"), at < range.upperBound else {
                bytes.append(byte)
                continue
            }
            let kind = bytes[at]
            at += 1
            switch kind {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(kind)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "x"):
                guard at + 2 <= range.upperBound, let high = bytes[at].hexadecimalDigit,
                    let low = bytes[at + 1].hexadecimalDigit
                else { fallthrough }
                bytes.append(high << 4 | low)
                at += 2
            default:
                bytes.append(byte)
                bytes.append(kind)
            }
        }
        return start..<bytes.count
    }
}

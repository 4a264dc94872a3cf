// Access logs of nginx and Apache, the formats `common` and `combined` and what is written behind them:
//
//     192.0.2.1 - alice [21/Nov/2026:02:38:30 +0100] "GET /a?b HTTP/1.1" 200 612 "https://ref/" "curl/8.0" "10.0.0.9"
//
// https://nginx.org/en/docs/http/ngx_http_log_module.html
// https://httpd.apache.org/docs/current/mod/mod_log_config.html
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
        var index = draft.text.lowerBound
        let end = draft.text.upperBound
        let address = draft.bytes.word(&index, end)
        guard !address.isEmpty, draft.bytes.skip(" ", &index, end) else { return nil }
        let identity = draft.bytes.word(&index, end)
        guard !identity.isEmpty, draft.bytes.skip(" ", &index, end) else { return nil }
        // A user may have spaces in its name: it ends where the time begins.
        let userStart = index
        guard let user = draft.bytes.upTo(" [", &index, end), user.upperBound > userStart,
            let close = draft.bytes.firstIndex(of: UInt8(ascii: "]"), in: index..<end)
        else { return nil }
        let time = index..<close
        index = close + 1
        guard draft.bytes.skip(" ", &index, end), let request = draft.bytes.quoted(&index, end),
            draft.bytes.skip(" ", &index, end)
        else { return nil }
        let status = draft.bytes.word(&index, end)
        guard status.count == 3, draft.bytes.isNumber(status), draft.bytes.skip(" ", &index, end) else { return nil }
        let size = draft.bytes.word(&index, end)
        guard !size.isEmpty, draft.bytes.isNumber(size) || draft.bytes.has(size, "-") else { return nil }

        add("remote_addr", address, to: &draft, &found)
        add("remote_ident", identity, to: &draft, &found)
        add("remote_user", user, to: &draft, &found)
        found.addTime(draft.append("time_local"), time, in: draft.bytes)
        addRequest(request, to: &draft, &found)
        add("status", status, isNumber: true, to: &draft, &found)
        add("body_bytes_sent", size, isNumber: true, to: &draft, &found)
        for name: StaticString in ["http_referer", "http_user_agent", "http_x_forwarded_for"] {
            // A dash says that there is none.
            guard draft.bytes.skip(" ", &index, end), let (inside, hasEscapes) = draft.bytes.quoted(&index, end) else {
                break
            }
            add(name, hasEscapes ? draft.unescapedHeader(inside) : inside, to: &draft, &found)
        }
        return ParsedMessage()
    }

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

    /// The bytes before `stop`; `index` is then behind it.
    fileprivate func upTo(_ stop: StaticString, _ index: inout Int, _ end: Int) -> Range<Int>? {
        let count = stop.utf8CodeUnitCount
        var at = index
        while at + count <= end {
            if has(at..<at + count, stop) {
                let found = index..<at
                index = at + count
                return found
            }
            at += 1
        }
        return nil
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

// Addresses in the settings: what is wrong with one, and how it is shown. See RFC 3986, section 3, for its parts.

internal import Bytes

/// Without what may be a secret: `http://user:…@host/path?…`. A password, a user without one, which is a token, and all
/// that stands behind the question mark.
package func shownURL(_ url: String) -> String {
    let start = url.range(ofFirst: "://").map { url.utf8[$0...].dropFirst(3).startIndex } ?? url.startIndex
    let authority = url[start...].utf8.prefix { !"/?#".utf8.contains($0) }
    var shown = String(url[..<start])
    var place = authority.startIndex
    // A password with one of those letters is written in another way; who does not know that writes it all the same.
    let isOpen = authority.contains(UInt8(ascii: ":"))
    let at = authority.lastIndex(of: UInt8(ascii: "@")) ?? (isOpen ? url.utf8.lastIndex(of: UInt8(ascii: "@")) : nil)
    if let at, at >= start {
        let user = url[start..<at].prefix { $0 != ":" }
        shown += user.endIndex < at ? "\(user):…" : "…"
        place = at
    }
    let rest = url[place...]
    shown += rest.prefix { $0 != "?" }
    return rest.contains("?") ? "\(shown)?…" : shown
}

/// What is wrong with an address; nil when it can be sent to.
package func httpURLFault(_ url: String) -> String? {
    guard let scheme = url.range(ofFirst: "://"), ["http", "https"].contains(url[..<scheme].lowercased()) else {
        return "expected http://… or https://…, not \"\(shownURL(url))\""
    }
    return hostFault(url.utf8[scheme...].dropFirst(3)).map { "\"\(shownURL(url))\" \($0)" }
}

/// What is wrong with `[scheme://][user:password@]host[:port]`, as CURLOPT_PROXY(3) takes it; nil when nothing is. The
/// text is not repeated, since a password may be in it.
package func proxyFault(_ proxy: String) -> String? {
    // No proxy, whatever the environment says.
    if proxy.isEmpty { return nil }
    var rest = proxy.utf8[...]
    if let scheme = proxy.range(ofFirst: "://") {
        let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
        guard known.contains(proxy[..<scheme].lowercased()) else {
            return "expected one of \(known.joined(separator: ", ")) before ://"
        }
        rest = proxy.utf8[scheme...].dropFirst(3)
    }
    return hostFault(rest).map { "it \($0)" }
}

/// What is wrong with `[user:password@]host[:port]` at the beginning of `text`, and with the bytes of the rest.
private func hostFault(_ text: Substring.UTF8View) -> String? {
    guard text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return "has a space or a letter not in ASCII" }
    let authority = text.prefix { !"/?#".utf8.contains($0) }
    let place = authority.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false).last ?? authority
    var host = place.prefix { $0 != UInt8(ascii: ":") }
    if place.first == UInt8(ascii: "[") {
        guard let end = place.firstIndex(of: UInt8(ascii: "]")) else { return "has a [ without ]" }
        host = place[...end]
        if host.count == 2 { return "names no host" }
    }
    guard !host.isEmpty else { return "names no host" }
    let port = place[host.endIndex...]
    guard let colon = port.first, port.count > 1 || colon != UInt8(ascii: ":") else { return nil }
    let digits = port.dropFirst()
    let areDigits = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard colon == UInt8(ascii: ":"), areDigits, let number = UInt16(String(digits) ?? ""), number > 0 else {
        return "needs a port from 1 to 65535 after the colon"
    }
    return nil
}

extension String {
    fileprivate func range(ofFirst literal: String) -> Index? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(literal) { return rest.startIndex }
            rest.removeFirst()
        }
        return nil
    }
}

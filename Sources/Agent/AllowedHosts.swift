// Under which names clients may ask: against DNS rebinding, where a page of somebody else's has the browser take this
// host for its own, and reads what it answers.
//
// Such a request is one of the same origin over plain HTTP: it has no Origin, and no Sec-Fetch-Site either, which
// browsers send only to what they trust (W3C Fetch Metadata, section 2, "potentially trustworthy URL"). So a browser is
// told by what every one of them sends.

internal import Bytes
internal import HTTP
internal import Platform
internal import Synchronization

final class AllowedHosts: Sendable {
    /// Those of the settings, in lower case; nil: any, but for the page and the API in a browser.
    private let names: Set<String>?
    /// What this host is called.
    private let ownNames: Set<String>
    private let counted = Mutex<(refused: UInt64, reports: Moderation)>((0, Moderation()))
    private let log: AgentLog

    /// `hostName` as uname(2) has it.
    init(_ names: [String], hostName: String, log: AgentLog) {
        self.names = names.isEmpty ? nil : Set(names.map { $0.lowercased() })
        let own = hostName.lowercased()
        ownNames = [own, String(own.prefix { $0 != "." })]
        self.log = log
    }

    /// Requests that were refused.
    var refusedCount: UInt64 { counted.withLock(\.refused) }

    /// Nil when the request may be answered, else the refusal.
    func refusal(of request: HTTPServerRequest) -> HTTPServerResponse? {
        guard !allows(request) else { return nil }
        let isTold = counted.withLock { counted in
            counted.refused += 1
            return counted.reports.allows(at: .now)
        }
        if isTold {
            log.warning(
                "a request under a name that is not allowed was refused; names are allowed by endpoint.allowed_hosts",
                ["host": request.host ?? "", "path": request.path])
        }
        return HTTPServerResponse(
            status: 403,
            text: "this name is not allowed here: ask under an address, or let endpoint.allowed_hosts name it")
    }

    private func allows(_ request: HTTPServerRequest) -> Bool {
        // Its mode says who may come, and no browser can.
        if request.origin == .unixSocket { return true }
        if names == nil {
            let isForPeople = request.path == "/" || request.path.hasPrefix("/api/")
            guard isForPeople, request.isOfBrowser else { return true }
        }
        // Without a host it is HTTP/1.0, and no browser.
        guard let host = request.host else { return names == nil }
        guard let name = hostName(of: host) else { return false }
        if isAddress(name) || name == "localhost" { return true }
        return (names ?? ownNames).contains(name)
    }

    /// Without the port, in lower case, and without the dot that may end it. Nil when it is none.
    private func hostName(of host: String) -> String? {
        let text = host.lowercased()
        var name = text[...]
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = text[...end]
        } else if let colon = text.firstIndex(of: ":") {
            name = text[..<colon]
        }
        let port = text[name.endIndex...].utf8
        guard port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(\.isDigit) else {
            return nil
        }
        if name.hasSuffix(".") { name.removeLast() }
        return name.isEmpty ? nil : String(name)
    }

    private func isAddress(_ name: String) -> Bool {
        do throws(SocketAddressError) {
            switch try SocketAddress("\(name):1") {
            case .ipv4, .ipv6, .all: return true
            case .unix: return false
            }
        } catch { return false }
    }
}

extension HTTPServerRequest {
    /// What browsers send, and neither Prometheus nor curl does. A page cannot take all of it away: a script may change
    /// the words, and not that they are sent.
    fileprivate var isOfBrowser: Bool {
        headers.contains { header in
            switch header.name {
            case "origin", "accept-language", "upgrade-insecure-requests": true
            case "user-agent": header.value.hasPrefix("Mozilla/")
            default: header.name.hasPrefix("sec-")
            }
        }
    }
}

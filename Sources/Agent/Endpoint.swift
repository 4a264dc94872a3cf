// What Prometheus scrapes, and the few pages beside it.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/ for what is served; `collect[]` and `exclude[]` as
// node_exporter has them. There is no debug endpoint, on purpose.

internal import Bytes
package import HTTP
package import Metrics
package import Platform
package import Settings
internal import Synchronization

/// Why an address cannot be listened at.
package enum EndpointError: Error, Equatable, CustomStringConvertible {
    case addressInUse(SocketAddress)
    /// The path of a socket that systemd passed leads to it no more.
    case pathLost(SocketAddress)
    case cannotListen(SocketAddress, Errno)
    case unknownGroup(String)
    /// Nothing of this kind among what systemd passed.
    case notPassed(ListenPlace)
    case unusable(PassedSocketError)
    case cannotServeTLS(TLSError)
    case cannotCheckPasswords(String)

    init(_ address: SocketAddress, _ errno: Errno) {
        self = errno == .addressInUse ? .addressInUse(address) : .cannotListen(address, errno)
    }

    package var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is in use: another program listens there"
        case .cannotListen(let address, .alreadyThere): "cannot listen at \(address): a file that is no socket is there"
        case .cannotListen(let address, let errno): "cannot listen at \(address): \(address.explanation(of: errno))"
        case .pathLost(let address):
            "nobody can connect to \(address): the file of this socket, which systemd passed, was removed or replaced; "
                + "systemctl restart vitals.socket vitals.service makes it again"
        case .unknownGroup(let name): "endpoint.socket_group: there is no group \"\(name)\""
        case .notPassed(let place):
            "cannot listen at \"\(place)\": systemd passed no such socket; is there a vitals.socket, and is it started?"
        case .unusable(let error): "cannot listen at \(error)"
        case .cannotServeTLS(let error): "endpoint.tls: \(error)"
        case .cannotCheckPasswords(let reason): "endpoint.users: \(reason)"
        }
    }
}

/// Serves from `start` to `stop`, on queues of its own.
package final class Endpoint: Sendable {
    private let settings: EndpointSettings
    private let server: HTTPServer
    private let listening: EndpointListening
    private let countsOfServer = CountsOfServer()

    /// Reads the section `endpoint`, but none of the files that it names.
    ///
    /// `selfMetrics` adds what the agent says of itself to each exposition, on the scrape's worker; `status` makes the
    /// JSON of `/api/v1/status`, `isReady` answers `/-/ready` and `worst` says at `/-/healthy?full` what is wrong, all
    /// on the server's queue: they must not wait.
    package init(
        _ section: inout SettingsSection, scraper: Scraper,
        selfMetrics: @escaping @Sendable (inout Snapshot) -> Void, status: @escaping @Sendable () -> [UInt8],
        isReady: @escaping @Sendable () -> Bool, worst: @escaping @Sendable () -> String? = { nil },
        hostName: String = systemHostName(), log: AgentLog
    ) throws(SettingsError) {
        settings = try EndpointSettings(&section)
        let authenticator = Self.authenticator(settings, log)
        let hosts = AllowedHosts(settings.allowedHosts, hostName: hostName, log: log)
        let counts = countsOfServer
        let pages = Pages(
            scraper: scraper,
            selfMetrics: { snapshot in
                counts.add(to: &snapshot)
                selfMetrics(&snapshot)
            },
            status: status, isReady: isReady, worst: worst)
        let limits = HTTPServerLimits(connections: settings.connectionLimit)
        server = HTTPServer(limits: limits, log: log) { request, answer in
            if let refusal = hosts.refusal(of: request) { return answer(refusal) }
            guard let authenticator, request.origin != .unixSocket else { return pages.serve(request, answer) }
            authenticator.admit(request) { refusal in
                if let refusal { return answer(refusal) }
                pages.serve(request) { response in
                    var response = response
                    response.isForKnownClient = true
                    answer(response)
                }
            }
        }
        listening = EndpointListening(settings, server: server, log: log) { tls in
            counts.sources.withLock { $0?.tls = tls }
        }
        counts.sources.withLock {
            $0 = .init(server: server, authenticator: authenticator, hosts: hosts, listening: listening)
        }
    }

    private static func authenticator(_ settings: EndpointSettings, _ log: AgentLog) -> Authenticator? {
        guard !settings.users.isEmpty else { return nil }
        guard let users = EndpointUsers(settings, log: log) else { return Authenticator(settings.users, log: log) }
        return Authenticator(settings.users, readAgain: { users.readAgain() }, log: log)
    }

    /// Where it listens, with the ports that the kernel chose; empty before the start.
    package var addresses: [SocketAddress] { listening.addresses }

    /// Where it does not listen that it should, and why.
    package var problems: [String] { listening.problems }

    /// How many connections and requests there were.
    package var counts: HTTPServerCounts { server.counts }

    /// Listens at its addresses; where it cannot, it tries again until `stop`. Reads the certificate, and opens the
    /// libraries that are needed. `isAlone`: there is nothing else that the agent could do meanwhile. Calls `onChange`
    /// when `addresses` or `problems` have changed, from any queue.
    ///
    /// - Throws: `EndpointError` when the agent is alone, and it can listen nowhere or the settings are wrong.
    package func start(
        isAlone: Bool = true, onChange: @escaping @Sendable () -> Void = {}
    ) throws(EndpointError) {
        do throws(EndpointError) { try listening.start(isAlone: isAlone, onChange: onChange) } catch {
            stop()
            throw error
        }
    }

    /// Calls `body` from the server's queue when that is free.
    package func whenIdle(_ body: @escaping @Sendable () -> Void) { server.whenIdle(body) }

    /// Closes all connections and addresses.
    package func stop() {
        listening.stop()
        server.stop()
        // The server holds its pages, and they hold this.
        countsOfServer.sources.withLock { $0 = nil }
    }
}

/// Lets an exposition say how the server fares that carries it.
private final class CountsOfServer: Sendable {
    struct Sources {
        let server: HTTPServer
        let authenticator: Authenticator?
        let hosts: AllowedHosts
        let listening: EndpointListening
        var tls: TLSAcceptor?
    }

    let sources = Mutex<Sources?>(nil)

    private static let requests = MetricDescriptor(
        "vitals_http_requests_total", .counter, help: "Requests that the endpoint has served.")
    private static let refused = MetricDescriptor(
        "vitals_http_refused_total", .counter, labels: ["reason"],
        help: "Connections and requests that the endpoint has refused or cut off.")

    private static let isListening = MetricDescriptor(
        "vitals_http_listening", .gauge, labels: ["address"],
        help: "1 for each address of the settings at which the endpoint listens, 0 while it cannot.")

    private static let certificateEnd = MetricDescriptor(
        "vitals_tls_certificate_not_after_timestamp_seconds", .gauge,
        help: "Until when the certificate is valid that the endpoint serves, in seconds since 1970.")

    func add(to snapshot: inout Snapshot) {
        // A copy of the references only: the counts have locks of their own.
        guard let sources = sources.withLock({ $0 }) else { return }
        let counts = sources.server.counts
        snapshot.add(Self.requests, Double(counts.requests))
        snapshot.add(Self.refused, Double(counts.refusedByLimit), "max_connections")
        snapshot.add(Self.refused, Double(counts.refusedRequests), "bad_request")
        snapshot.add(Self.refused, Double(counts.requestsTooSlow), "slow_request")
        snapshot.add(Self.refused, Double(counts.responsesTooSlow), "slow_reader")
        snapshot.add(Self.refused, Double(counts.acceptsFailed), "no_descriptors")
        snapshot.add(Self.refused, Double(sources.hosts.refusedCount), "host")
        for (place, isListening) in sources.listening.states {
            snapshot.add(Self.isListening, isListening ? 1 : 0, place)
        }
        if let tls = sources.tls {
            snapshot.add(Self.refused, Double(counts.handshakesFailed), "tls")
            snapshot.add(Self.certificateEnd, Double(tls.validity.until))
        }
        if let logins = sources.authenticator?.counts {
            snapshot.add(Self.refused, Double(logins.unauthorized), "unauthorized")
            snapshot.add(Self.refused, Double(logins.tooManyTries), "too_many_tries")
        }
    }
}

/// The pages, by path.
private struct Pages: Sendable {
    let scraper: Scraper
    let selfMetrics: @Sendable (inout Snapshot) -> Void
    let status: @Sendable () -> [UInt8]
    let isReady: @Sendable () -> Bool
    let worst: @Sendable () -> String?

    func serve(_ request: HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse) -> Void) {
        guard request.method == "GET" || request.method == "HEAD" else {
            return answer(
                HTTPServerResponse(
                    status: 405, text: "GET and HEAD only", headers: [(name: "Allow", value: "GET, HEAD")]))
        }
        switch request.path {
        case "/metrics": serveMetrics(request, answer)
        case "/":
            answer(HTTPServerResponse(status: 200, contentType: "text/html; charset=utf-8", body: Self.landingPage))
        // Alone it asks whether the process answers; a liveness probe must not restart it for a receiver that is down.
        case "/-/healthy" where request.query == "full": serveHealth(answer)
        case "/-/healthy": answer(HTTPServerResponse(status: 200, text: "healthy"))
        case "/-/ready":
            answer(
                isReady()
                    ? HTTPServerResponse(status: 200, text: "ready")
                    : HTTPServerResponse(status: 503, text: "not ready"))
        case "/api/v1/status":
            answer(HTTPServerResponse(status: 200, contentType: "application/json", body: status()))
        default: answer(HTTPServerResponse(status: 404, text: "there is no such page"))
        }
    }

    /// The worst that is wrong, with 503.
    private func serveHealth(_ answer: @escaping @Sendable (HTTPServerResponse) -> Void) {
        let worst = worst()
        answer(HTTPServerResponse(status: worst == nil ? 200 : 503, text: worst ?? "ok"))
    }

    private func serveMetrics(
        _ request: HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse) -> Void
    ) {
        guard let query = parseQuery(request.query) else {
            return answer(HTTPServerResponse(status: 400, text: "the query is not percent-encoded as it should be"))
        }
        let only = query.filter { $0.name == "collect[]" }.map(\.value)
        let without = query.filter { $0.name == "exclude[]" }.map(\.value)
        do throws(SelectionError) { try scraper.check(only: only, without: without) } catch {
            return answer(HTTPServerResponse(status: 400, text: error.description))
        }
        var wanted = ScrapeRequest(only: only, without: without)
        let choice = expositionChoice(accept: request.header("accept"))
        wanted.format = choice.format
        wanted.escaping = choice.escaping ?? .underscores
        wanted.isCompressed = acceptsGzip(request.header("accept-encoding"))
        wanted.deadline = scrapeTime(asked: request.header("x-prometheus-scrape-timeout-seconds")).map { .now + $0 }
        var headers = [(name: "Vary", value: "Accept, Accept-Encoding")]
        if wanted.isCompressed { headers.append((name: "Content-Encoding", value: "gzip")) }
        scraper.exposition(wanted, adding: selfMetrics) { [headers] body in
            answer(HTTPServerResponse(status: 200, contentType: choice.contentType, headers: headers, body: body))
        }
    }

    private static let landingPage = Array(
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>Vitals</title></head>
        <body><h1>Vitals \(vitalsVersion)</h1><ul>
        <li><a href="/metrics">Metrics</a></li>
        <li><a href="/api/v1/status">Status as JSON</a></li>
        <li><a href="/-/healthy">Healthy?</a></li>
        <li><a href="/-/ready">Ready?</a></li>
        </ul></body></html>

        """.utf8)
}

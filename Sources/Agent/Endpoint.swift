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
    case cannotListen(SocketAddress, Errno)

    init(_ address: SocketAddress, _ errno: Errno) {
        self = errno == .addressInUse ? .addressInUse(address) : .cannotListen(address, errno)
    }

    package var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is in use: another program listens there"
        case .cannotListen(let address, .alreadyThere): "cannot listen at \(address): a file that is no socket is there"
        case .cannotListen(let address, let errno): "cannot listen at \(address): \(errno)"
        }
    }
}

/// Serves from `start` to `stop`, on queues of its own.
package final class Endpoint: Sendable {
    private let asked: [SocketAddress]
    private let bound = Mutex<[SocketAddress]>([])
    private let server: HTTPServer
    private let countsOfServer = CountsOfServer()
    private let log: AgentLog

    /// Reads the section `endpoint`: `listen`, `max_connections`.
    ///
    /// `selfMetrics` adds what the agent says of itself to
    /// each exposition, on the scrape's worker; `status` makes the JSON of `/api/v1/status` and `isReady` answers
    /// `/-/ready`, both on the server's queue: they must not wait.
    package init(
        _ section: inout SettingsSection, scraper: Scraper,
        selfMetrics: @escaping @Sendable (inout Snapshot) -> Void, status: @escaping @Sendable () -> [UInt8],
        isReady: @escaping @Sendable () -> Bool, log: AgentLog
    ) throws(SettingsError) {
        asked = try Self.addresses(in: &section)
        let connections = try section.integer("max_connections", default: 40, in: 1...10_000)
        try section.finish()
        self.log = log
        let counts = countsOfServer
        let pages = Pages(
            scraper: scraper,
            selfMetrics: { snapshot in
                counts.add(to: &snapshot)
                selfMetrics(&snapshot)
            },
            status: status, isReady: isReady)
        server = HTTPServer(limits: HTTPServerLimits(connections: connections)) { request, answer in
            pages.serve(request, answer)
        }
        counts.server.withLock { $0 = server }
    }

    private static func addresses(in section: inout SettingsSection) throws(SettingsError) -> [SocketAddress] {
        guard let value = section.value("listen") else { return [.ipv4(0x7F00_0001, port: 9100)] }
        let path = section.pathOf("listen")
        guard case .array(let elements) = value.content, !elements.isEmpty else {
            throw value.error(path, "expected a list of addresses [ \"127.0.0.1:9100\" ]")
        }
        var addresses: [SocketAddress] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element.content else {
                throw element.error("\(path)[\(index)]", "expected an address in quotes")
            }
            let address: SocketAddress
            do throws(SocketAddressError) { address = try SocketAddress(text) } catch {
                throw element.error("\(path)[\(index)]", error.description)
            }
            // The second could not be listened at: the kernel would say that somebody does.
            if let before = addresses.firstIndex(where: { $0.overlaps(address) }) {
                let reason =
                    addresses[before] == address
                    ? "\(address) stands twice, first as \(path)[\(before)]"
                    : "\(address) overlaps with \(addresses[before]), \(path)[\(before)]"
                throw element.error("\(path)[\(index)]", reason)
            }
            addresses.append(address)
        }
        return addresses
    }

    /// Where it listens, with the ports that the kernel chose; empty before the start.
    package var addresses: [SocketAddress] { bound.withLock(\.self) }

    /// How many connections and requests there were.
    package var counts: HTTPServerCounts { server.counts }

    /// Listens at all its addresses, or at none.
    package func start() throws(EndpointError) {
        var listeners: [Socket] = []
        var addresses: [SocketAddress] = []
        for address in asked {
            do throws(Errno) {
                let listener = try Socket.listening(at: address)
                addresses.append(listener.address(asked: address))
                listeners.append(listener)
            } catch {
                throw EndpointError(address, error)
            }
        }
        for listener in listeners { server.serve(listener) }
        bound.withLock { $0 = addresses }
        for address in addresses { log.info("listening", ["address": address.description]) }
    }

    /// Closes all connections and addresses.
    package func stop() {
        server.stop()
        // The server holds its pages, and they hold this.
        countsOfServer.server.withLock { $0 = nil }
    }
}

/// Lets an exposition say how the server fares that carries it.
private final class CountsOfServer: Sendable {
    let server = Mutex<HTTPServer?>(nil)

    private static let requests = MetricDescriptor(
        "vitals_http_requests_total", .counter, help: "Requests that the endpoint has served.")
    private static let refused = MetricDescriptor(
        "vitals_http_refused_total", .counter, labels: ["reason"],
        help: "Connections and requests that the endpoint has refused or cut off.")

    func add(to snapshot: inout Snapshot) {
        // A copy of the reference only: the counts have a lock of their own.
        guard let counts = server.withLock({ $0?.counts }) else { return }
        snapshot.add(Self.requests, Double(counts.requests))
        snapshot.add(Self.refused, Double(counts.refusedByLimit), "max_connections")
        snapshot.add(Self.refused, Double(counts.refusedRequests), "bad_request")
        snapshot.add(Self.refused, Double(counts.requestsTooSlow), "slow_request")
        snapshot.add(Self.refused, Double(counts.responsesTooSlow), "slow_reader")
        snapshot.add(Self.refused, Double(counts.acceptsFailed), "no_descriptors")
    }
}

/// The pages, by path.
private struct Pages: Sendable {
    let scraper: Scraper
    let selfMetrics: @Sendable (inout Snapshot) -> Void
    let status: @Sendable () -> [UInt8]
    let isReady: @Sendable () -> Bool

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
        wanted.format = expositionFormat(accept: request.header("accept"))
        wanted.isCompressed = acceptsGzip(request.header("accept-encoding"))
        wanted.deadline = scrapeTime(asked: request.header("x-prometheus-scrape-timeout-seconds")).map { .now + $0 }
        var headers = [(name: "Vary", value: "Accept, Accept-Encoding")]
        if wanted.isCompressed { headers.append((name: "Content-Encoding", value: "gzip")) }
        scraper.exposition(wanted, adding: selfMetrics) { [headers, wanted] body in
            answer(
                HTTPServerResponse(status: 200, contentType: wanted.format.contentType, headers: headers, body: body))
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

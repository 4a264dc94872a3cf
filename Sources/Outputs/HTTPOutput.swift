// Records by HTTP: a POST of newline-delimited JSON, one object a record, as RecordJSON writes it.
//
// What the receiver's answer means stands in `deliveryError(for:)`. See RFC 9110, section 15, for the codes.

internal import Bytes
package import HTTP
internal import Logs
internal import Platform
package import Settings

package enum HTTPCompression: String, CaseIterable, Sendable { case gzip, none }

package struct HTTPOutput<Transport: HTTPTransport> {
    package static var type: String { "http" }

    /// Two of them under way fill 40 MB/s when the receiver is 50 ms away: `bench.py roundtrip`.
    package static var batchDefaults: BatchDefaults { BatchDefaults(bytes: 640 << 10, haveLanes: true) }

    /// What all lanes of a route have in common.
    private struct Setup: Sendable {
        /// What people are shown for the address: secrets are left out.
        let shownURL: String
        let compression: HTTPCompression
        let compressionLevel: Int
        let json: RecordJSON
        /// What is read from files, and what they must hold.
        let files: [(option: String, path: String, kinds: [PEMKind])]
        let log: AgentLog
        let name: String
    }

    private let setup: Setup
    private var identity: HTTPIdentity
    private var transport: Transport
    package var resendCount: Int { transport.resendCount }

    /// `connect` makes the transport from the options in the section; it connects to nothing yet.
    package init(
        _ section: inout SettingsSection, _ context: OutputContext,
        connect: (HTTPClientOptions) throws(TransportError) -> Transport
    ) throws(SettingsError) {
        let url = try section.liveString("url")
        if let fault = httpURLFault(url.value) { throw section.error(at: "url", fault) }
        let shownURL = url.isExpanded ? url.template : shownURL(url.value)
        let compression: HTTPCompression = try section.choice("compression", default: .gzip)
        // The fastest: it leaves a tenth of a log already, and the agent shall cost the host little.
        let compressionLevel = try section.integer("compression_level", default: 1, in: 1...9)

        var headers = [(name: "Content-Type", text: LiveText("application/x-ndjson"))]
        if compression == .gzip { headers.append(("Content-Encoding", LiveText("gzip"))) }
        for (name, text) in try section.liveTable("headers") {
            if let fault = headerFault(name, text.value) { throw section.error(at: "headers", member: name, fault) }
            headers.append((name, text))
        }

        var options = HTTPClientOptions()
        options.connectTimeout = try section.duration(
            "connect_timeout", default: .seconds(5), in: .milliseconds(1)...(.seconds(300)))
        options.timeout = try section.duration(
            "timeout", default: .seconds(30), in: .milliseconds(1)...(.seconds(3_600)))
        options.caFile = try section.optionalFilePath("ca_file")
        options.clientCertificate = try section.optionalFilePath("client_certificate")
        options.clientKey = try section.optionalFilePath("client_key")
        options.skipsVerification = try section.bool("insecure_skip_verify", default: false)
        let proxy = try section.optionalLiveString("proxy")
        options.proxy = proxy?.value
        if let fault = options.proxy.flatMap(proxyFault) { throw section.error(at: "proxy", fault) }
        if options.clientKey != nil, options.clientCertificate == nil {
            throw section.error(at: "client_key", "needs \"client_certificate\"")
        }
        if options.skipsVerification {
            context.log.warning(
                "insecure_skip_verify is set: whoever is between here and the receiver can read and answer",
                ["output": section.path, "url": shownURL])
        }
        setup = Setup(
            shownURL: shownURL, compression: compression, compressionLevel: compressionLevel,
            json: RecordJSON(context), files: Self.files(options), log: context.log, name: section.path)
        identity = HTTPIdentity(url: url, headers: headers, proxy: proxy, certificateFiles: setup.files.map(\.path))
        do throws(TransportError) { transport = try connect(options) } catch { throw section.error(error.reason) }
    }

    private init(_ setup: Setup, _ identity: HTTPIdentity, _ transport: sending Transport) {
        self.setup = setup
        self.identity = identity
        self.transport = transport
    }

    package func makeEncoder() -> any RecordEncoder {
        let records = RecordEncoding(.json, setup.json)
        return switch setup.compression {
        case .none: records
        case .gzip: GzipEncoding(records, level: setup.compressionLevel)
        }
    }

    /// Nil when there is no memory for another: then there are fewer deliveries at once.
    package func forAnotherLane() -> sending Self? {
        do throws(TransportError) { return Self(setup, identity.another, try transport.another()) } catch { return nil }
    }

    package mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        _ = try renew(isRefused: false)
        do throws(DeliveryError) { try post(body) } catch {
            guard case .notAllowed = error, try renew(isRefused: true) else { throw error }
            // The token or the certificate was renewed just now.
            try post(body)
        }
        return .accepted
    }

    private mutating func post(_ body: [UInt8]) throws(DeliveryError) {
        let response: HTTPResponse
        do throws(TransportError) {
            response = try transport.send(
                HTTPRequest(url: identity.url, headers: identity.headerValues, body: body))
        } catch {
            // If it is about certificates, those that lie in the files now may be better.
            transport.renewConnection()
            throw error.isTooMuch ? .tooSlow(reason: error.reason) : .retry(after: nil, reason: error.reason)
        }
        if let error = deliveryError(for: response) { throw error }
    }

    /// Reads the files again that say who we are, if they have changed or if we were refused. Returns whether that has
    /// brought something new.
    ///
    /// - Throws: when libcurl would open a file that may never come.
    private mutating func renew(isRefused: Bool) throws(DeliveryError) -> Bool {
        let renewal = identity.renew(isRefused: isRefused)
        if renewal.hasNewConnection || isRefused { transport.renewConnection() }
        if renewal.hasNewProxy, let proxy = identity.proxy { transport.use(proxy: proxy) }
        if renewal.isBack { setup.log.info("the files of the settings can be read again", ["output": setup.name]) }
        for fault in renewal.faults {
            setup.log.warning(
                "a file of the settings cannot be read again: what it held before is used",
                ["output": setup.name, "reason": fault])
        }
        if let hindrance = renewal.hindrance { throw .retry(after: nil, reason: hindrance) }
        return renewal.isNew
    }

    package var address: String { setup.shownURL }

    package mutating func check() -> CheckReport {
        var report = CheckReport()
        report.notes.append("posts to \(setup.shownURL), compression \(setup.compression.rawValue)")
        for (option, path, kinds) in setup.files {
            do throws(Errno) {
                guard try FileStatus(of: path).kind == .regular else {
                    report.problems.append("\(option): \(path) is no regular file")
                    continue
                }
                let bytes = try readWhole(path)
                for kind in kinds where !kind.stands(in: bytes) {
                    report.problems.append("\(option): \(path) holds no PEM \(kind.rawValue)")
                }
            } catch { report.problems.append("\(option): \(path): \(error)") }
        }
        return report
    }

    private static func files(_ options: HTTPClientOptions) -> [(option: String, path: String, kinds: [PEMKind])] {
        let withKey: [PEMKind] = options.clientKey == nil ? [.certificate, .privateKey] : [.certificate]
        let files = [
            ("ca_file", options.caFile, [.certificate]), ("client_certificate", options.clientCertificate, withKey),
            ("client_key", options.clientKey, [.privateKey]),
        ]
        return files.compactMap { option, path, kinds in path.map { (option, $0, kinds) } }
    }
}

extension HTTPOutput: Output where Transport == HTTPClient {
    package init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        try self.init(&section, context) { options throws(TransportError) in try HTTPClient(options) }
    }
}

/// See RFC 9110, sections 5.1 and 5.5: what would end the header, or begin another, must not stand in one.
func headerFault(_ name: String, _ value: String) -> String? {
    let isToken =
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?={}".utf8.contains($0) }
    guard isToken else { return "\"\(name)\" is not the name of a header" }
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
        return "the value of \"\(name)\" has a line break or a control character"
    }
    // These are the output's own: twice, they would contradict each other.
    let own = ["content-type", "content-encoding", "content-length", "transfer-encoding"]
    return own.contains(name.lowercased()) ? "\"\(name)\" is set by the output itself" : nil
}

/// What a PEM file can hold (RFC 7468). Kinds of keys have a word before: `BEGIN EC PRIVATE KEY`.
enum PEMKind: String {
    case certificate
    case privateKey = "private key"

    func stands(in bytes: [UInt8]) -> Bool {
        bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.contains { line in
            line.starts(with: "-----BEGIN ".utf8) && line.suffix(ending.utf8.count).elementsEqual(ending.utf8)
        }
    }

    private var ending: String {
        switch self {
        case .certificate: "CERTIFICATE-----"
        case .privateKey: "PRIVATE KEY-----"
        }
    }
}

/// One gzip member for each call.
struct GzipEncoding: RecordEncoder {
    private var records: RecordEncoding
    /// Kept for its capacity.
    private var plain: [UInt8] = []
    private let compressor: SharedCompressor

    init(_ records: RecordEncoding, level: Int) {
        self.records = records
        compressor = .next(level: level)
    }

    var heldByteCount: Int { plain.capacity }
    var copyCount: Int { records.copyCount + 1 }

    mutating func letGo() { plain = [] }

    mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int {
        plain.removeAll(keepingCapacity: true)
        let textBytes = batch.textByteCount(in: range)
        // A record that is larger than a batch is alone in one.
        if range.count == 1, textBytes > batch.byteLimit {
            plain.reserveCapacity(batch.jsonByteBound)
        } else {
            reserve(twice: textBytes)
        }
        let replaced = records.encode(batch, range, into: &plain)
        compressor.compress(plain, into: &body)
        return replaced
    }

    /// In one piece, in steps: growing by doubling leaves as much again behind. Lines in JSON are about twice as long.
    private mutating func reserve(twice textBytes: Int) {
        let step = 256 << 10
        guard textBytes > step else { return }
        plain.reserveCapacity((2 * textBytes + step - 1) / step * step)
    }
}

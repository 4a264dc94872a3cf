// HTTP requests by libcurl's easy interface: one handle, kept, so that its connection is used again.
//
// See https://curl.se/libcurl/c/libcurl-easy.html. Its options are named in CURLOPT_*(3).

internal import Bytes
internal import CCurl
internal import Platform

package struct HTTPClientOptions: Sendable {
    /// From the name to a connection with TLS done.
    package var connectTimeout: Duration = .seconds(5)
    /// For a request and its answer, all in all.
    package var timeout: Duration = .seconds(30)
    /// PEM. Nil: the certificate authorities of the system. Else those of the file, and no others.
    package var caFile: String?
    /// PEM, for receivers that ask who we are.
    package var clientCertificate: String?
    /// PEM, without a passphrase. Nil: it stands in the file of the certificate.
    package var clientKey: String?
    /// Any certificate will do: whoever is in between can read and answer.
    package var skipsVerification = false
    /// As in `http://proxy:3128`. Nil: what `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of the environment
    /// say. Empty: no proxy, whatever the environment says.
    package var proxy: String?
    /// Of a connection: then another is made. What stands behind a name may be another machine by now, or more of them.
    package var connectionLifetime: Duration = .seconds(600)
    package var userAgent = "vitals/\(vitalsVersion)"
    /// What is kept of an answer's body; the rest is read, so that the connection can be used again, and dropped. More
    /// than 1 MiB, headers included, is not read: the connection is closed, and the answer is what came until then.
    package var responseByteLimit = 64 << 10
    /// Headers of answers that the caller wants to see, in lower case.
    package var keptHeaders: [String] = []

    package init() {}
}

/// The transport of the agent. It may be moved between threads, and is used by one at a time.
@safe package final class HTTPClient: HTTPTransport {
    private let client: OpaquePointer
    private let options: HTTPClientOptions
    package private(set) var resendCount = 0
    /// What libcurl was given for the last request: most have the same.
    private var url = ""
    private var headers: [(name: String, value: String)]?
    private var isRenewing = false
    /// To be set before the next request.
    private var newProxy: String?

    /// Opens libcurl, once for the process; connects to nothing.
    ///
    /// - Throws: When libcurl is missing, with the package to install, or does not know an option.
    package init(_ options: HTTPClientOptions) throws(TransportError) {
        try Self.requireLibrary()
        guard let client = unsafe ccurl_client_new(options.responseByteLimit) else {
            throw TransportError(reason: "no memory for a libcurl handle")
        }
        unsafe self.client = client
        self.options = options
        // From here on a throw runs deinit: all stored properties have their values.
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
        // With one request at a time HTTP/2 would gain nothing.
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_MAXCONNECTS, 1)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        // Names are looked up for each connection, which are few: a receiver that has moved is found at once.
        try set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        // Known since 7.80; before, a connection lives as long as both sides like.
        unsafe _ = ccurl_set_long(client, CURLOPT_MAXLIFETIME_CONN, max(1, Int(options.connectionLifetime.inSeconds)))
        try set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeout.milliseconds)
        try set(CURLOPT_TIMEOUT_MS, options.timeout.milliseconds)
        try set(CURLOPT_USERAGENT, options.userAgent)
        if let proxy = options.proxy { try set(CURLOPT_PROXY, proxy) }
        // Authorities may have been renewed. Since 7.87 libcurl keeps those of the system for a day if it is not told
        // otherwise; before, it kept nothing. A file of our own is small: it is read for each connection.
        unsafe _ = ccurl_set_long(
            client, CURLOPT_CA_CACHE_TIMEOUT, options.caFile == nil ? Self.systemAuthoritiesSeconds : 0)
        if let file = options.caFile {
            try set(CURLOPT_CAINFO, file)
            // Else the system's directory of authorities would be trusted too.
            try set(CURLOPT_CAPATH, nil)
        }
        if let file = options.clientCertificate {
            try set(CURLOPT_SSLCERT, file)
            try set(CURLOPT_SSLKEY, options.clientKey ?? file)
            // A session that goes on would bring the certificate of the one before.
            try set(CURLOPT_SSL_SESSIONID_CACHE, 0)
        }
        if options.skipsVerification {
            try set(CURLOPT_SSL_VERIFYPEER, 0)
            try set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    deinit { unsafe ccurl_client_free(client) }

    package func renewConnection() { isRenewing = true }

    package func use(proxy: String) { newProxy = proxy }

    /// To parse those of the system takes some 20 ms.
    private static let systemAuthoritiesSeconds = 60

    package func another() throws(TransportError) -> sending HTTPClient { try HTTPClient(options) }

    /// Nil, or why libcurl cannot be used.
    private static let libraryProblem: String? = unsafe ccurl_open().map { unsafe String(cString: $0) }

    private static func requireLibrary() throws(TransportError) {
        if let problem = libraryProblem { throw TransportError(reason: problem) }
    }

    /// As in `libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13`.
    package static func libraryVersion() throws(TransportError) -> String {
        try requireLibrary()
        return unsafe String(cString: ccurl_version())
    }

    /// A redirect is an answer like any other: the caller sees its status, and where it leads.
    package func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
        if url != request.url {
            try set(CURLOPT_URL, request.url)
            url = request.url
        }
        try set(request.headers)
        // This also undoes what an earlier request of another method has set.
        try set(CURLOPT_HTTPGET, 1)
        try set(CURLOPT_CUSTOMREQUEST, nil)
        switch request.method {
        case "GET": break
        case "HEAD": try set(CURLOPT_NOBODY, 1)
        case "POST": return try perform(posting: request.body)
        default:
            try set(CURLOPT_CUSTOMREQUEST, request.method)
            return try perform(posting: request.body)
        }
        return try perform()
    }

    /// The body stays where it is: libcurl reads it there.
    private func perform(posting body: [UInt8]) throws(TransportError) -> HTTPResponse {
        try unsafe body.withUnsafeBufferPointer { bytes throws(TransportError) in
            try check(unsafe ccurl_set_body(client, bytes.baseAddress, bytes.count))
            defer { unsafe _ = ccurl_set_body(client, nil, 0) }
            return try perform(bodyBytes: body.count)
        }
    }

    /// A smaller body that is not answered is no reason to try with less: whoever takes nothing would get
    /// thousands of little requests then.
    private static let smallBodyBytes = 64 << 10
    /// The transfer has failed after it had begun.
    private static let brokenOff = [
        CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_OPERATION_TIMEDOUT,
    ]

    private func isTooMuch(_ code: CURLcode, _ bodyBytes: Int) -> Bool {
        let uploaded = unsafe ccurl_uploaded(client) - ccurl_unsent(client)
        return Self.brokenOff.contains(code) && bodyBytes > Self.smallBodyBytes && uploaded > 0
    }

    /// The answer is one although the transfer has failed: its status says what the receiver thinks of the request, and
    /// the rest has no end, or was cut off. A receiver that refuses closes the connection, often before it has all of
    /// the request. Of a success the rest is wanted: it may say that not all was taken.
    private func hasSaidEnough(_ code: CURLcode) -> Bool {
        guard unsafe ccurl_has_headers(client) != 0 else { return false }
        if code == CURLE_WRITE_ERROR { return unsafe ccurl_answer_was_cut(client) != 0 }
        return unsafe ccurl_status(client) >= 300 && Self.brokenOff.contains(code)
    }

    /// A proxy did not let us through to the receiver.
    private var refusalOfTunnel: HTTPResponse? {
        let status = unsafe ccurl_tunnel_status(client)
        guard [401, 403, 407].contains(status) else { return nil }
        return HTTPResponse(status: status, body: "the proxy does not let us through")
    }

    private func perform(bodyBytes: Int = 0) throws(TransportError) -> HTTPResponse {
        if let proxy = newProxy {
            try set(CURLOPT_PROXY, proxy)
            newProxy = nil
            isRenewing = true
        }
        try set(CURLOPT_FRESH_CONNECT, isRenewing ? 1 : 0)
        isRenewing = false
        var code = unsafe ccurl_perform(client)
        resendCount += max(0, unsafe ccurl_sent_count(client) - 1)
        if hasSaidEnough(code) { code = CURLE_OK }
        if code != CURLE_OK {
            if let refusal = refusalOfTunnel { return refusal }
            throw TransportError(reason: detail(of: code), isTooMuch: isTooMuch(code, bodyBytes))
        }
        var count = 0
        guard let body = unsafe ccurl_body(client, &count) else { bug("a client without a body") }
        let bytes = unsafe UnsafeRawBufferPointer(start: body, count: count)
        let retryAfter = unsafe String(cString: ccurl_retry_after(client))
        // A date there is one of the receiver's clock, which may not be ours.
        let sentAt = retryAfter.isEmpty ? nil : answeredHeaders(["date"])["date"].flatMap(parseHTTPDate)
        return HTTPResponse(
            status: unsafe ccurl_status(client),
            retryAfter: parseRetryAfter(
                retryAfter, at: sentAt ?? Moment.now.unixNanoseconds / 1_000_000_000),
            body: unsafe String(decoding: bytes, as: UTF8.self),
            redirect: unsafe ccurl_redirect_url(client).map { unsafe String(cString: $0) },
            headers: options.keptHeaders.isEmpty ? [:] : answeredHeaders(options.keptHeaders))
    }

    /// Those of these names, in lower case; of a header that stands twice the first.
    private func answeredHeaders(_ names: [String]) -> [String: String] {
        var count = 0
        guard let start = unsafe ccurl_headers(client, &count) else { bug("a client without headers") }
        let text = unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        var headers: [String: String] = [:]
        for line in text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            guard names.contains(name), headers[name] == nil else { continue }
            headers[name] = String(String(decoding: line[(colon + 1)...], as: UTF8.self)[...].trimmed)
        }
        return headers
    }

    /// libcurl's own words, and the system's when it was refused: "couldn't connect" does not say why.
    private func detail(of code: CURLcode) -> String {
        let own = unsafe String(cString: ccurl_error(client))
        // "Couldn't resolve host name: Could not resolve host: …" is twice the same in other words.
        if [CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY].contains(code), !own.isEmpty { return own }
        let words = unsafe sayingOnce(String(cString: ccurl_strerror(code)), own)
        let error = code == CURLE_COULDNT_CONNECT ? unsafe ccurl_os_error(client) : 0
        return error == 0 ? words : sayingOnce(words, Errno(code: Int32(error)).description)
    }

    /// Connections that the last request had to open: 0 when it went over the one that was kept.
    package var newConnectionCount: Int { unsafe ccurl_new_connections(client) }

    private func set(_ option: CURLoption, _ value: Int) throws(TransportError) {
        try check(unsafe ccurl_set_long(client, option, value))
    }

    private func set(_ option: CURLoption, _ value: String?) throws(TransportError) {
        try check(unsafe ccurl_set_text(client, option, value))
    }

    private func set(_ headers: [(name: String, value: String)]) throws(TransportError) {
        if let kept = self.headers, kept.elementsEqual(headers, by: ==) { return }
        self.headers = nil
        unsafe ccurl_clear_headers(client)
        // libcurl would ask for "100 Continue" before larger bodies, and wait a second for receivers that know none.
        try add(header: "Expect:")
        for (name, value) in headers {
            // "Name:" alone would remove the header: one that is sent empty is written with a semicolon.
            try add(header: value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        self.headers = headers
    }

    private func add(header: String) throws(TransportError) {
        guard unsafe ccurl_add_header(client, header) != 0 else {
            throw TransportError(reason: "no memory for a header")
        }
    }

    private func check(_ code: CURLcode) throws(TransportError) {
        guard code != CURLE_OK else { return }
        throw TransportError(reason: unsafe String(cString: ccurl_strerror(code)))
    }
}

extension Duration {
    /// At least one: libcurl takes 0 for no limit.
    fileprivate var milliseconds: Int { max(1, Int(nanoseconds / 1_000_000)) }
}

/// Both, or the one that says all that the other does: libcurl's words for an error hold its name, now at the
/// beginning, now at the end, and in any letters.
func sayingOnce(_ one: String, _ other: String) -> String {
    let words = [one, other].map { Array($0.lowercased().utf8) }
    if words[0].holds(words[1]) { return one }
    return words[1].holds(words[0]) ? other : "\(one): \(other)"
}

// Requests to one service of AWS: signed, sent, and the answer understood.

internal import Bytes
package import HTTP
internal import Platform

/// One request, before it is signed.
package struct AWSRequest: Sendable {
    /// For `X-Amz-Target`: `Logs_20140328.PutLogEvents`.
    package var target: String
    package var contentType: String
    /// More headers, as `Content-Encoding: gzip`. All are signed.
    package var headers: [(name: String, value: String)]
    /// As it goes over the wire, compressed or not: the signature is for these bytes.
    package var body: [UInt8]

    package init(
        target: String, contentType: String = "application/x-amz-json-1.1",
        headers: [(name: String, value: String)] = [], body: [UInt8]
    ) {
        self.target = target
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }
}

/// One connection to a service, for one thread at a time. Several of a session share its credentials.
package struct AWSClient {
    package let service: AWSService
    package let session: AWSSession
    private var transport: any HTTPTransport
    private var signer: RequestSigner
    /// Asked for once: files may have to be read for it.
    private var place: (url: String, region: String)?
    /// What a refresh may bring again: there is no use in sending it twice in a row.
    private var lastRefused: Credentials?
    /// By which the transport goes, when a file may hold another.
    private var proxy: String?

    /// Connects to nothing yet. `options` are `session.httpOptions`, with timeouts and limits of the caller's own.
    ///
    /// - Throws: `AWSError` of kind `unusable` when libcurl or libcrypto is missing, with the package to install.
    package init(
        _ service: AWSService, session: AWSSession, options: HTTPClientOptions? = nil
    ) throws(AWSError) {
        self.service = service
        self.session = session
        signer = try RequestSigner()
        let options = options ?? session.httpOptions
        proxy = options.proxy
        do throws(TransportError) { transport = try session.world.connect(options) } catch {
            throw AWSError(.unusable, error.reason)
        }
    }

    /// Sends a request and waits for its answer, which is a good one (2xx).
    ///
    /// How often what carries the requests has sent one again by itself, since its answer was lost. Only grows.
    package var resendCount: Int { transport.resendCount }

    /// One that was refused for an expired token, for a key that is not known (any more) or may not do this, or for the
    /// time it was signed at, is signed again and sent once more where there is something new to sign it with: the
    /// service did nothing with it. All else is the caller's to try again.
    /// With `holdsTimes` also what was refused for the time, when the clock is so far off that times in the body are to
    /// be corrected first.
    package mutating func call(_ request: AWSRequest, holdsTimes: Bool = false) throws(AWSError) -> HTTPResponse {
        let correction = session.clock.correction
        let first: AWSError
        do throws(AWSError) { return try send(request) } catch { first = error }
        switch first.kind {
        case .skewedClock where holdsTimes && session.clock.correction != correction:
            throw first.adding("the clock of this host is off; the records are sent again with corrected times")
        case .expiredToken, .badCredentials, .accessDenied, .skewedClock, .proxyRefused:
            return try send(request, instead: first)
        default: throw first
        }
    }

    /// `before` is why the request is sent a second time. Where nothing has changed since, that is thrown.
    private mutating func send(_ request: AWSRequest, instead before: AWSError? = nil) throws(AWSError) -> HTTPResponse
    {
        let credentials = try session.credentials()
        let isNewProxy = renewProxy(isRefused: before?.kind == .proxyRefused)
        switch before?.kind {
        case nil, .skewedClock: break
        case .proxyRefused: if let before, !isNewProxy { throw before }
        default: if let before, credentials == lastRefused { throw before }
        }
        let (endpoint, region) = try address()
        var message = HTTPRequest(
            url: endpoint + "/",
            headers: [("Content-Type", request.contentType), ("X-Amz-Target", request.target)] + request.headers,
            body: request.body)
        let scope = SigningScope(
            region: region, service: service.signingName,
            unixSeconds: session.clock.unixSeconds(at: session.world.now()))
        signer.sign(&message, as: credentials, in: scope)
        let secrets = [credentials.secretAccessKey, credentials.sessionToken ?? ""]
        let response: HTTPResponse
        do throws(TransportError) { response = try transport.send(message) } catch {
            // If it is about certificates, those that lie in the file now may be better.
            transport.renewConnection()
            throw AWSError(error.isTooMuch ? .tooSlow : .noAnswer, error.reason).hiding(secrets)
        }
        if let error = understand(
            response, to: endpoint, .json, session.clock, signedAt: scope.unixSeconds, at: session.world.now(),
            hiding: secrets)
        {
            switch error.kind {
            case .expiredToken, .badCredentials, .accessDenied:
                session.refuse(credentials, onlyIfOfFile: error.kind == .accessDenied)
                lastRefused = credentials
            default: break
            }
            throw error.hiding(secrets)
        }
        return response
    }

    /// Returns whether it is another.
    private mutating func renewProxy(isRefused: Bool) -> Bool {
        guard let renewed = session.renewedProxy(isRefused: isRefused), renewed != proxy else { return false }
        proxy = renewed
        transport.use(proxy: renewed)
        return true
    }

    private mutating func address() throws(AWSError) -> (url: String, region: String) {
        if let place { return place }
        let found = try session.endpoint(of: service)
        place = found
        return found
    }
}

/// Nil for a good answer of the service at `url`. Learns what time it is from either. `signedAt` is by the clock as it
/// was known then: somebody else may have learnt better meanwhile.
func understand(
    _ response: HTTPResponse, to url: String, _ form: AnswerForm, _ clock: ServiceClock, signedAt: Int64,
    at now: Moment, hiding secrets: [String] = []
) -> AWSError? {
    let date = response.headers["date"].flatMap(parseHTTPDate)
    var error = awsError(for: response, skew: date.map { .seconds($0 - signedAt) })
    if let refusal = error, refusal.code.isEmpty, response.headers["x-amzn-requestid"] == nil {
        // Not the service's words, so it helps to know whose they are.
        error = refusal.adding("answered by \(whoAnswered(response, form, hiding: secrets))")
    }
    error = error ?? foreignAnswer(response, to: url, form, hiding: secrets)
    guard let date else { return error }
    // An answer that is not AWS's, a proxy's for instance, says nothing of AWS's clock.
    if error == nil || error?.code.isEmpty == false {
        clock.learn(serviceUnixSeconds: date, at: now, wasRefused: error?.kind == .skewedClock)
    }
    return error
}

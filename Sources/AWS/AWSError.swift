// What AWS says when it does not do as asked, and what that means for the caller.
//
// The names are those of "Common errors" of each service's API reference, for instance
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html; where they stand in an answer
// depends on its protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html, "Operation error
// serialization".

internal import Bytes
package import HTTP

package struct AWSError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable, CaseIterable {
        /// Too many requests: the same later.
        case throttled
        /// The session token is no longer valid; the client has refreshed it and tried once more.
        case expiredToken
        /// Our clock and the service's are too far apart; the client has learnt how far and tried once more.
        case skewedClock
        /// The key is not known, or the signature is wrong: other credentials are needed.
        case badCredentials
        /// These credentials may not do this.
        case accessDenied
        case notFound
        case alreadyExists
        /// The service will never take this request.
        case invalidParameter
        /// The request has too many bytes.
        case tooLarge
        /// A quota of the account, which somebody may have raised.
        case limitExceeded
        /// Somebody else does something with the same thing: the same later.
        case conflict
        /// The service's own fault: the same later.
        case unavailable
        /// No answer: no connection, no name, a timeout. Whether the request was done is not known.
        case noAnswer
        /// No answer in time, or the connection broke off, and the request is not small: less of it may get through.
        case tooSlow
        /// Somebody else has answered in the service's place: a captive portal, a proxy.
        case notTheService
        /// The proxy on the way wants other credentials.
        case proxyRefused
        /// Nobody does there what is asked: the address is wrong, or somebody on the way forbids it.
        case notServed
        /// There are no credentials, or those that the settings speak of cannot be had.
        case noCredentials
        /// Nothing can be sent from here: a library is missing, or the region is not known.
        case unusable
        /// What this table does not know; `code` says it.
        case other
    }

    package let kind: Kind
    /// As the service calls it: `ThrottlingException`. Empty when it is not the service that speaks.
    package let code: String
    package let message: String
    package let status: Int?
    package let retryAfter: Duration?

    package init(
        _ kind: Kind, _ message: String, code: String = "", status: Int? = nil, retryAfter: Duration? = nil
    ) {
        self.kind = kind
        self.code = code
        self.message = message
        self.status = status
        self.retryAfter = retryAfter
    }

    package var description: String {
        let name = code.isEmpty ? status.map { "HTTP \($0)" } ?? "" : code
        return [name, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }

    /// The same, with more words behind its own.
    func adding(_ words: String) -> AWSError {
        AWSError(
            kind, [message, words].filter { !$0.isEmpty }.joined(separator: ": "), code: code, status: status,
            retryAfter: retryAfter)
    }

    /// The same, with what must not be seen taken out of the service's words.
    func hiding(_ secrets: [String]) -> AWSError {
        AWSError(
            kind, message.hiding(secrets), code: code.hiding(secrets), status: status, retryAfter: retryAfter)
    }
}

/// Nil for an answer that says that it is done. By `skew` the service's clock is ahead of the one that signed, when the
/// answer said so.
package func awsError(for response: HTTPResponse, skew: Duration? = nil) -> AWSError? {
    guard !(200..<300).contains(response.status) else { return nil }
    let (code, message) = codeAndMessage(of: response)
    var kind = errorKind(of: code, status: response.status)
    // A signature is also wrong when it is of another time, and not every service says which of the two it is.
    if kind == .badCredentials, let skew, skew.isSkew, unspecificCodes.contains(code) { kind = .skewedClock }
    // A gateway's page in HTML is of no use in a log line.
    let words = String(message.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(messageLimit))
    return AWSError(
        kind, code.isEmpty && words.isEmpty && response.redirect != nil ? "leads elsewhere" : words, code: code,
        status: response.status, retryAfter: response.retryAfter)
}

/// Characters of a service's message; the longest usual one names two ARNs.
private let messageLimit = 400

/// From the name of an error, or without one from the status.
package func errorKind(of code: String, status: Int) -> AWSError.Kind {
    if let kind = errorKinds[code] { return kind }
    switch status {
    case 401, 403: return .accessDenied
    case 407: return .proxyRefused
    case 413: return .tooLarge
    case 429: return .throttled
    case _ where speaksOfRequestOrServer(status): return .notServed
    case 408, 500...: return .unavailable
    default: return .other
    }
}

/// Which may be the fault of the clock as well.
private let unspecificCodes: Set<String> = [
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "IncompleteSignature",
]

private let errorKinds: [String: AWSError.Kind] = {
    let rows: [(AWSError.Kind, [String])] = [
        (
            .throttled,
            [
                "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete",
                "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
                "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
                "TooManyRequestsException",
            ]
        ),
        (.expiredToken, ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]),
        (.skewedClock, ["RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"]),
        (
            .badCredentials,
            [
                "AuthFailure", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId",
                "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
                "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException",
            ]
        ),
        (
            .accessDenied,
            [
                "AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired", "UnauthorizedException",
                "UnauthorizedOperation",
            ]
        ),
        (.notFound, ["ResourceNotFound", "ResourceNotFoundException"]),
        (.alreadyExists, ["ResourceAlreadyExistsException"]),
        (
            .invalidParameter,
            [
                "InvalidParameterCombination", "InvalidParameterCombinationException", "InvalidParameterException",
                "InvalidParameterValue", "InvalidParameterValueException", "MissingParameter",
                "MissingRequiredParameterException", "SerializationException", "ValidationError",
                "ValidationException",
            ]
        ),
        (.notServed, ["InvalidAction", "UnknownOperation", "UnknownOperationException"]),
        (.tooLarge, ["PayloadTooLargeException", "RequestEntityTooLargeException", "RequestTooLargeException"]),
        (.limitExceeded, ["LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"]),
        (.conflict, ["ConcurrentModificationException", "ConflictException", "OperationAbortedException"]),
        (
            .unavailable,
            [
                "InternalError", "InternalFailure", "InternalFailureException", "InternalServerError",
                "InternalServerException", "InternalServiceError", "InternalServiceFault", "RequestTimeout",
                "RequestTimeoutException", "ServiceUnavailable", "ServiceUnavailableException",
            ]
        ),
    ]
    return Dictionary(rows.flatMap { kind, codes in codes.map { ($0, kind) } }, uniquingKeysWith: { first, _ in first })
}()

/// From a header, from JSON, or from the XML of STS; empty when there is none.
private func codeAndMessage(of response: HTTPResponse) -> (code: String, message: String) {
    let body = Array(response.body.utf8)
    var code = response.headers["x-amzn-errortype"] ?? ""
    var message = ""
    switch body.first(where: { $0 > 0x20 }) {
    case UInt8(ascii: "{"):
        // Cut off or mangled, it is still an error with a status.
        guard let json = parsedJSON(body) else { break }
        if code.isEmpty { code = (json["__type"] ?? json["code"] ?? json["Code"])?.string ?? "" }
        message = (json["message"] ?? json["Message"] ?? json["errorMessage"])?.string ?? ""
    case UInt8(ascii: "<"):
        code = code.isEmpty ? xmlText(of: "Code", in: body) ?? "" : code
        message = xmlText(of: "Message", in: body) ?? ""
    default: break
    }
    return (plainCode(code), message)
}

/// Nil for what is no JSON: what is wrong with it is of no interest, and its words may hold what must not be seen.
func parsedJSON(_ bytes: [UInt8]) -> JSONValue? {
    do throws(JSONError) { return try parseJSON(bytes) } catch { return nil }
}

/// `com.amazonaws.logs#ThrottlingException`, `ThrottlingException:http://…` and `ThrottlingException` are one.
private func plainCode(_ code: String) -> String {
    let name = code.split(separator: "#").last ?? ""
    let plain = name.split(separator: ":").first ?? ""
    return plain.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ? String(plain.prefix(codeLimit)) : ""
}

/// Bytes of an error's name; the longest that there is has half of it.
private let codeLimit = 100

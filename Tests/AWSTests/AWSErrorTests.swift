import AWS
import HTTP
import Testing

/// Every row of the table of errors, and where their names stand.
@Suite struct AWSErrorTests {
    @Test(
        arguments: [
            ("BandwidthLimitExceeded", .throttled), ("EC2ThrottledException", .throttled),
            ("PriorRequestNotComplete", .throttled), ("ProvisionedThroughputExceededException", .throttled),
            ("RequestLimitExceeded", .throttled), ("RequestThrottled", .throttled),
            ("RequestThrottledException", .throttled), ("SlowDown", .throttled), ("ThrottledException", .throttled),
            ("Throttling", .throttled), ("ThrottlingException", .throttled), ("TooManyRequestsException", .throttled),
            ("ExpiredToken", .expiredToken), ("ExpiredTokenException", .expiredToken),
            ("TokenRefreshRequired", .expiredToken), ("RequestExpired", .skewedClock),
            ("RequestInTheFuture", .skewedClock), ("RequestTimeTooSkewed", .skewedClock),
            ("AuthFailure", .badCredentials), ("IncompleteSignature", .badCredentials),
            ("IncompleteSignatureException", .badCredentials), ("InvalidAccessKeyId", .badCredentials),
            ("InvalidClientTokenId", .badCredentials), ("InvalidSignatureException", .badCredentials),
            ("MissingAuthenticationToken", .badCredentials), ("MissingAuthenticationTokenException", .badCredentials),
            ("SignatureDoesNotMatch", .badCredentials), ("UnrecognizedClientException", .badCredentials),
            ("AccessDenied", .accessDenied), ("AccessDeniedException", .accessDenied), ("NotAuthorized", .accessDenied),
            ("OptInRequired", .accessDenied), ("UnauthorizedException", .accessDenied),
            ("UnauthorizedOperation", .accessDenied), ("ResourceNotFound", .notFound),
            ("ResourceNotFoundException", .notFound), ("ResourceAlreadyExistsException", .alreadyExists),
            ("InvalidParameterCombination", .invalidParameter),
            ("InvalidParameterCombinationException", .invalidParameter),
            ("InvalidParameterException", .invalidParameter),
            ("InvalidParameterValue", .invalidParameter), ("InvalidParameterValueException", .invalidParameter),
            ("MissingParameter", .invalidParameter), ("MissingRequiredParameterException", .invalidParameter),
            ("SerializationException", .invalidParameter), ("ValidationError", .invalidParameter),
            ("ValidationException", .invalidParameter), ("PayloadTooLargeException", .tooLarge),
            ("RequestEntityTooLargeException", .tooLarge), ("RequestTooLargeException", .tooLarge),
            ("LimitExceeded", .limitExceeded), ("LimitExceededException", .limitExceeded),
            ("ServiceQuotaExceededException", .limitExceeded), ("ConcurrentModificationException", .conflict),
            ("ConflictException", .conflict), ("OperationAbortedException", .conflict), ("InternalError", .unavailable),
            ("InternalFailure", .unavailable), ("InternalFailureException", .unavailable),
            ("InternalServerError", .unavailable), ("InternalServerException", .unavailable),
            ("InternalServiceError", .unavailable), ("InternalServiceFault", .unavailable),
            ("RequestTimeout", .unavailable), ("RequestTimeoutException", .unavailable),
            ("ServiceUnavailable", .unavailable), ("ServiceUnavailableException", .unavailable),
            ("DataAlreadyAcceptedException", .other), ("InvalidSequenceTokenException", .other), ("Unheard", .other),
            ("UnknownOperationException", .notServed),
        ] as [(String, AWSError.Kind)]) func codes(code: String, kind: AWSError.Kind)
    {
        #expect(errorKind(of: code, status: 400) == kind)
        let error = awsError(for: HTTPResponse(status: 400, body: #"{"__type":"\#(code)"}"#))
        #expect(error?.kind == kind && error?.code == code)
    }

    @Test(
        arguments: [
            (400, .other), (401, .accessDenied), (403, .accessDenied), (404, .notServed), (408, .unavailable),
            (405, .notServed), (407, .proxyRefused), (409, .other), (415, .notServed), (421, .notServed),
            (413, .tooLarge), (429, .throttled), (500, .unavailable), (502, .unavailable), (503, .unavailable),
            (504, .unavailable), (301, .other),
        ] as [(Int, AWSError.Kind)]) func statusesWithoutACode(status: Int, kind: AWSError.Kind)
    {
        #expect(awsError(for: HTTPResponse(status: status))?.kind == kind)
    }

    @Test(arguments: [200, 202, 204]) func good(status: Int) {
        #expect(awsError(for: HTTPResponse(status: status, body: "whatever")) == nil)
    }

    @Test(arguments: [
        (#"{"__type":"com.amazonaws.logs#SlowDown","message":"m"}"#, ""),
        (#"{"__type":"SlowDown","Message":"m"}"#, ""), (#"{"code":"SlowDown","errorMessage":"m"}"#, ""),
        (#" {"Code":"SlowDown","message":"m"}"#, ""), (#"{"message":"m"}"#, "SlowDown"),
        (#"{"__type":"Other","message":"m"}"#, "aws.logs#SlowDown:http://internal.amazon.com/coral/"),
        ("<ErrorResponse><Error><Code>SlowDown</Code><Message>m</Message></Error></ErrorResponse>", ""),
        ("\n<x:Error><x:Code a='b'>SlowDown</x:Code><x:Message>m</x:Message></x:Error>", ""),
    ]) func whereTheNameStands(body: String, header: String) {
        let headers = header.isEmpty ? [:] : ["x-amzn-errortype": header]
        let error = awsError(for: HTTPResponse(status: 400, body: body, headers: headers))
        #expect(error == AWSError(.throttled, "m", code: "SlowDown", status: 400))
    }

    @Test(arguments: [
        "", "{", #"{"__type":7,"message":[]}"#, "<html><body>Bad gateway</body></html>", "<Code>", "\u{0}",
    ])
    func bodiesThatSayNothing(body: String) {
        let error = awsError(for: HTTPResponse(status: 400, body: body))
        #expect(error?.kind == .other && error?.code == "")
        #expect(error.map { "\($0)" } == "HTTP 400")
    }

    @Test func longMessagesAndOddNames() {
        let error = awsError(
            for: HTTPResponse(
                status: 400, body: #"{"__type":"A B","message":"\#(String(repeating: "x", count: 9_000))"}"#))
        #expect(error?.code == "" && error?.message.count == 400)
    }

    @Test func redirects() {
        let error = awsError(for: HTTPResponse(status: 302, redirect: "https://elsewhere/"))
        #expect(error.map { "\($0)" } == "HTTP 302: leads elsewhere")
    }

    @Test(arguments: ["InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "IncompleteSignature"])
    func signaturesOfAnotherTime(code: String) {
        let response = HTTPResponse(status: 403, body: #"{"__type":"\#(code)"}"#)
        for seconds in [-100_000, -240, 240, 100_000] {
            #expect(awsError(for: response, skew: .seconds(seconds))?.kind == .skewedClock)
        }
        for seconds in [-239, 0, 239] {
            #expect(awsError(for: response, skew: .seconds(seconds))?.kind == .badCredentials)
        }
    }

    @Test func anUnknownKeyIsNoQuestionOfTime() {
        let response = HTTPResponse(status: 403, body: #"{"__type":"UnrecognizedClientException"}"#)
        #expect(awsError(for: response, skew: .seconds(5_000))?.kind == .badCredentials)
    }
}

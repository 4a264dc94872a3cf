// Roles taken on at STS, AWS's Security Token Service. See
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_AssumeRoleWithWebIdentity.html: a
// form is posted, XML comes back.

internal import Bytes
internal import HTTP
internal import Platform

extension CredentialFetcher {
    /// One that is signed with other credentials.
    func assume(_ role: CredentialPlan.Role, with credentials: Credentials) throws(AWSError) -> Credentials {
        var form = Form("AssumeRole")
        form.add("RoleArn", role.arn)
        form.add("RoleSessionName", role.sessionName ?? sessionName)
        form.add("DurationSeconds", String(role.durationSeconds))
        if let id = role.externalID { form.add("ExternalId", id) }
        var request = try request(form)
        // For trust policies that guard against a confused deputy; the CloudWatch agent's variables.
        for (variable, header) in [
            ("AMZ_SOURCE_ACCOUNT", "x-amz-source-account"), ("AMZ_SOURCE_ARN", "x-amz-source-arn"),
        ] {
            if let value = world.setting(variable), isKeyText(value) { request.headers.append((header, value)) }
        }
        let signedAt = clock.unixSeconds(at: world.now())
        let scope = SigningScope(region: try region(), service: AWSService.sts.signingName, unixSeconds: signedAt)
        var signer = try RequestSigner()
        signer.sign(&request, as: credentials, in: scope)
        let secrets = [credentials.secretAccessKey, credentials.sessionToken ?? ""]
        return try exchange(request, signedAt: signedAt, origin: "role \(role.arn)", hiding: secrets)
    }

    /// One that another party's token stands for: nothing is signed.
    func assume(_ identity: CredentialPlan.WebIdentity) throws(AWSError) -> Credentials {
        // Kubernetes writes it anew each hour.
        let token = try readSecret(identity.tokenFile, "the web identity token")
        var form = Form("AssumeRoleWithWebIdentity")
        form.add("RoleArn", identity.roleARN)
        form.add("RoleSessionName", identity.sessionName ?? sessionName)
        form.add("DurationSeconds", String(identity.durationSeconds))
        form.add("WebIdentityToken", token)
        return try exchange(
            try request(form), signedAt: clock.unixSeconds(at: world.now()), origin: "role \(identity.roleARN)",
            hiding: [token])
    }

    /// Shows up in CloudTrail: who it was, and from when on.
    private var sessionName: String { "vitals-\(world.now().unixNanoseconds / 1_000_000_000)" }

    private func request(_ form: Form) throws(AWSError) -> HTTPRequest {
        let endpoint = try resolvedEndpoint(of: .sts, region: try region(), settings, world)
        return HTTPRequest(
            url: endpoint + "/",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), ("Accept", "application/xml"),
            ], body: form.body)
    }

    private func exchange(
        _ request: HTTPRequest, signedAt: Int64, origin: String, hiding secrets: [String]
    ) throws(AWSError) -> Credentials {
        var transport = try connect(settings.httpOptions(world))
        let place = "STS at \(RequestURL(request.url).host), for \(origin)"
        let response: HTTPResponse
        do throws(TransportError) { response = try transport.send(request) } catch {
            throw failed("\(place), does not answer: \(error.reason)").hiding(secrets)
        }
        // Whoever signs next does it by STS's clock.
        if let error = understand(
            response, to: request.url, .xml, clock, signedAt: signedAt, at: world.now(), hiding: secrets)
        {
            throw failed("\(place), answers: \(error)").hiding(secrets)
        }
        let document = Array(response.body.utf8)
        let names = CredentialNames(secret: "SecretAccessKey", token: "SessionToken")
        let credentials = try credentials(place, names) { xmlText(of: $0, in: document) }
        return Credentials(
            accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken, expiresAt: credentials.expiresAt, origin: origin)
    }
}

/// `application/x-www-form-urlencoded`
private struct Form {
    private(set) var body: [UInt8] = []

    init(_ action: String) {
        add("Action", action)
        add("Version", "2011-06-15")
    }

    mutating func add(_ name: String, _ value: String) {
        if !body.isEmpty { body.append(UInt8(ascii: "&")) }
        body.append(text: name)
        body.append(UInt8(ascii: "="))
        body.append(percentEncoded: Array(value.utf8)[...])
    }
}

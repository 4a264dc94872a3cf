// The keys of an output that speaks to AWS: who it is, and where. docs/aws.md has them for users.

internal import HTTP
package import Settings

/// Outputs with equal settings share a session, and so their credentials.
package struct AWSClientSettings: Sendable, Hashable {
    package var region: String?
    /// Of the profile files; with it nothing else is looked for.
    package var profile: String?
    package var accessKeyID: String?
    package var secretAccessKey: String?
    package var sessionToken: String?
    /// The three of them, where files hold one: they are read again.
    var keysInFiles: KeysInFiles?
    /// Taken on with the credentials that were found.
    package var roleARN: String?
    package var externalID: String?
    package var roleSessionName: String?
    /// Instead of the address that the region gives; of the output's own service, not of STS.
    package var endpoint: String?
    package var usesFIPS = false
    package var usesDualStack = false
    /// Instances whose metadata answers without a token.
    package var allowsIMDSv1 = false
    package var caFile: String?
    package var proxy: String?
    /// The same where a file holds some of it.
    var liveProxy: LiveProxy?

    package init() {}

    /// Asks `section` for these keys and no others; the caller calls `finish()`.
    package init(_ section: inout SettingsSection) throws(SettingsError) {
        region = try section.optionalString("region")
        if let fault = region.flatMap({ regionFault($0, hasEndpoint: section.has("endpoint")) }) {
            throw section.error(at: "region", fault)
        }
        profile = try section.optionalString("profile")
        try takeKeys(&section)
        roleARN = try section.optionalString("role_arn")
        if let roleARN, !isRoleARN(roleARN) {
            throw section.error(at: "role_arn", "expected a role, as in \"arn:aws:iam::123456789012:role/logs\"")
        }
        externalID = try section.optionalString("external_id")
        roleSessionName = try section.optionalString("role_session_name")
        if let roleSessionName, !isSessionName(roleSessionName) {
            throw section.error(at: "role_session_name", "expected 2 to 64 letters, digits and _ = , . @ + -")
        }
        for (key, value) in [("external_id", externalID), ("role_session_name", roleSessionName)]
        where value != nil && roleARN == nil { throw section.error(at: key, "needs \"role_arn\"") }
        usesFIPS = try section.bool("use_fips", default: false)
        usesDualStack = try section.bool("use_dual_stack", default: false)
        endpoint = try section.optionalString("endpoint")
        if let endpoint {
            if let fault = endpointFault(endpoint) { throw section.error(at: "endpoint", fault) }
            if usesFIPS { throw section.error(at: "use_fips", "does not go with \"endpoint\"") }
            if usesDualStack { throw section.error(at: "use_dual_stack", "does not go with \"endpoint\"") }
        }
        allowsIMDSv1 = try section.bool("allow_imds_v1", default: false)
        caFile = try section.optionalFilePath("ca_file")
        let proxyText = try section.optionalLiveString("proxy")
        proxy = proxyText?.value
        liveProxy = LiveProxy(proxyText)
        if let fault = proxy.flatMap(proxyFault) { throw section.error(at: "proxy", fault) }
    }

    private mutating func takeKeys(_ section: inout SettingsSection) throws(SettingsError) {
        let keys = ["access_key_id", "secret_access_key", "session_token"]
        var texts: [LiveText?] = []
        for key in keys {
            let text = try section.optionalLiveString(key)
            // The text is not repeated: it is a secret, or stands where one should.
            if let text, !isKeyText(text.value) { throw section.error(at: key, "is empty, or holds blanks") }
            texts.append(text)
        }
        let values = texts.map { $0?.value }
        (accessKeyID, secretAccessKey, sessionToken) = (values[0], values[1], values[2])
        keysInFiles = KeysInFiles(texts)
        guard accessKeyID != nil || secretAccessKey != nil || sessionToken != nil else { return }
        guard accessKeyID != nil, secretAccessKey != nil else {
            let given = keys.indices.first { values[$0] != nil } ?? 0
            throw section.error(at: keys[given], "\"access_key_id\" and \"secret_access_key\" go together")
        }
        if profile != nil { throw section.error(at: "profile", "does not go with \"access_key_id\"") }
    }
}

/// The keys of an output of which one at least stands in a file, as in
/// `"secret_access_key": "${file:/etc/vitals/aws-secret}"`.
struct KeysInFiles: Sendable, Hashable {
    /// Key, secret, session token.
    private let texts: [LiveText?]

    /// Nil when nothing of them is in a file.
    init?(_ texts: [LiveText?]) {
        guard texts.contains(where: { $0?.files.isEmpty == false }) else { return nil }
        self.texts = texts
    }

    /// What the files hold now.
    func read() throws(VariableError) -> [String?] {
        var values: [String?] = []
        for var text in texts {
            _ = try text?.refresh()
            values.append(text?.value)
        }
        return values
    }

    /// The same files are the same keys, whatever is in them.
    static func == (one: Self, other: Self) -> Bool { one.templates == other.templates }

    func hash(into hasher: inout Hasher) { hasher.combine(templates) }

    private var templates: [String?] { texts.map { $0?.template } }
}

extension AWSClientSettings: CustomStringConvertible, CustomReflectable {
    /// Without the keys.
    package var description: String { "AWS settings" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What can stand in a header: keys and tokens have no blanks.
func isKeyText(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }

/// `arn:partition:iam::account:role/name`; only its outline, the rest is AWS's to say.
func isRoleARN(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count >= 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5].hasPrefix("role/")
        && isKeyText(text)
}

/// See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, "RoleSessionName".
private func isSessionName(_ text: String) -> Bool {
    (2...64).contains(text.utf8.count)
        && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_=,.@+-".contains($0)) }
}

/// What is wrong with the address of a service; nil when nothing is. The text is not repeated: a password may be in it.
func endpointFault(_ text: String) -> String? {
    let url = RequestURL(text)
    guard ["http", "https"].contains(url.scheme), !url.host.isEmpty, isKeyText(text), !text.utf8.contains(0x23) else {
        return "expected http://… or https://…"
    }
    // Wherever it stands: a password with a slash in it ends the host.
    guard !text.utf8.contains(UInt8(ascii: "@")) else { return "holds a user: requests are signed instead" }
    guard url.query.isEmpty else { return "has a query, which is not the service's address any more" }
    return httpURLFault(text)
}

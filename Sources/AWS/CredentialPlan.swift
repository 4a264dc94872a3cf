// Where credentials come from, decided from settings, variables and files before anything is asked. The first place
// that is set up is the one: what fails there is an error, and not a reason to look further.
//
// See https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html; docs/aws.md has it for users.

internal import Bytes
internal import Settings

/// How to get credentials. It has no secrets of services yet, but may hold keys: it is never printed.
indirect enum CredentialPlan: Sendable, Equatable {
    case keys(Credentials, Source)
    /// A line as a shell would split it, without a shell.
    case process(command: String, profile: String)
    case webIdentity(WebIdentity)
    case container(ContainerEndpoint)
    case instance
    case assumeRole(Role, with: CredentialPlan)

    /// Whether keys may be others when they are read again.
    enum Source: Sendable, Equatable { case fixed, file }

    struct Role: Sendable, Equatable {
        let arn: String
        var externalID: String?
        var sessionName: String?
        var durationSeconds = 3_600
    }

    struct WebIdentity: Sendable, Equatable {
        let roleARN: String
        let tokenFile: String
        var sessionName: String?
        var durationSeconds = 3_600
    }

    /// In words for people.
    var origin: String {
        switch self {
        case .keys(let credentials, _): credentials.origin
        case .process(_, let profile): "credential_process of profile \"\(profile)\""
        case .webIdentity(let identity): "the web identity token \(identity.tokenFile) for \(identity.roleARN)"
        case .container(let endpoint): "the container's endpoint \(endpoint.host)"
        case .instance: "the instance's role"
        case .assumeRole(let role, let plan): "role \(role.arn), taken on with \(plan.origin)"
        }
    }

    /// AWS allows 15 minutes to 12 hours; a role may allow less.
    static let durations = 900...43_200
}

/// What the decision is made from.
struct CredentialPlanner {
    let settings: AWSClientSettings
    let world: AWSWorld
    /// Read when it is needed.
    let profiles: Profiles

    /// The profile that is spoken of, or the one that is taken without.
    var profileName: String { settings.profileName(world) }

    private var isProfileNamed: Bool { settings.profile != nil || world.setting("AWS_PROFILE") != nil }

    func plan() throws(AWSError) -> CredentialPlan {
        let base = try basePlan()
        guard let arn = settings.roleARN else { return base }
        var role = CredentialPlan.Role(arn: arn)
        role.externalID = settings.externalID
        role.sessionName = settings.roleSessionName
        return .assumeRole(role, with: base)
    }

    private func basePlan() throws(AWSError) -> CredentialPlan {
        if let keysInFiles = settings.keysInFiles { return try plan(of: keysInFiles) }
        if let key = settings.accessKeyID, let secret = settings.secretAccessKey {
            return .keys(
                Credentials(
                    accessKeyID: key, secretAccessKey: secret, sessionToken: settings.sessionToken,
                    origin: "the settings"), .fixed)
        }
        if settings.profile == nil, let plan = try environmentPlan() { return plan }
        if let plan = try profilePlan() { return plan }
        if let tokenFile = world.setting("AWS_WEB_IDENTITY_TOKEN_FILE") {
            guard let arn = world.setting("AWS_ROLE_ARN") else {
                throw missing("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not")
            }
            return .webIdentity(
                .init(roleARN: arn, tokenFile: tokenFile, sessionName: world.setting("AWS_ROLE_SESSION_NAME")))
        }
        if let endpoint = try ContainerEndpoint(world) { return .container(endpoint) }
        guard !world.flag("AWS_EC2_METADATA_DISABLED") else {
            throw missing(
                "no credentials: neither in the settings, nor in variables, nor in a profile, and the instance's "
                    + "metadata is turned off by AWS_EC2_METADATA_DISABLED")
        }
        return .instance
    }

    private func plan(of keysInFiles: KeysInFiles) throws(AWSError) -> CredentialPlan {
        let values: [String?]
        do throws(VariableError) { values = try keysInFiles.read() } catch {
            throw missing("the keys of the settings: \(error.reason)")
        }
        guard let key = values[0], let secret = values[1] else { throw missing("the settings have no keys") }
        return try keys(key, secret, values[2], origin: "the settings", .file)
    }

    private func environmentPlan() throws(AWSError) -> CredentialPlan? {
        let key = world.setting("AWS_ACCESS_KEY_ID")
        let secret = world.setting("AWS_SECRET_ACCESS_KEY")
        guard key != nil || secret != nil else { return nil }
        guard let key, let secret else {
            throw missing("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, and only one of them is set")
        }
        return try keys(key, secret, world.setting("AWS_SESSION_TOKEN"), origin: "the environment", .fixed)
    }

    private func profilePlan() throws(AWSError) -> CredentialPlan? {
        if let plan = try plan(ofProfile: profileName, after: []) { return plan }
        if profiles[profileName] == nil, isProfileNamed {
            let names = profiles.names
            let known = names.isEmpty ? "there is none" : "there are: \(names.joined(separator: ", "))"
            throw missing("profile \"\(profileName)\" is in no file; \(known)")
        }
        // AWS_PROFILE may only be there for its region.
        if settings.profile != nil { throw missing("profile \"\(profileName)\" has no credentials") }
        return nil
    }

    /// Nil when there is no such profile, or it says nothing of credentials. The `source_profile` of `seen` led here.
    private func plan(ofProfile name: String, after seen: [String]) throws(AWSError) -> CredentialPlan? {
        guard let profile = profiles[name] else { return nil }
        // A profile may name itself: then its own keys take on its role.
        if let arn = profile["role_arn"], seen.last != name {
            return try rolePlan(arn, profile, name, after: seen)
        }
        if let plan = try keysPlan(profile, name) { return plan }
        if let command = profile["credential_process"] { return .process(command: command, profile: name) }
        if profile["sso_session"] != nil || profile["sso_start_url"] != nil {
            throw missing("profile \"\(name)\" signs in by SSO, which needs somebody at a browser: give it a role")
        }
        return nil
    }

    private func keysPlan(_ profile: [String: String], _ name: String) throws(AWSError) -> CredentialPlan? {
        let key = profile["aws_access_key_id"]
        let secret = profile["aws_secret_access_key"]
        guard key != nil || secret != nil else { return nil }
        guard let key, let secret else {
            throw missing("profile \"\(name)\" has only one of aws_access_key_id and aws_secret_access_key")
        }
        return try keys(key, secret, profile["aws_session_token"], origin: "profile \"\(name)\"", .file)
    }

    private func rolePlan(
        _ arn: String, _ profile: [String: String], _ name: String, after seen: [String]
    ) throws(AWSError) -> CredentialPlan {
        guard isRoleARN(arn) else { throw missing("profile \"\(name)\": role_arn is not the name of a role") }
        let duration = profile["duration_seconds"].flatMap { Int($0) } ?? 3_600
        guard CredentialPlan.durations.contains(duration) else {
            throw missing("profile \"\(name)\": duration_seconds is not from 900 to 43200")
        }
        if let tokenFile = profile["web_identity_token_file"] {
            var identity = CredentialPlan.WebIdentity(roleARN: arn, tokenFile: tokenFile)
            identity.sessionName = profile["role_session_name"]
            identity.durationSeconds = duration
            return .webIdentity(identity)
        }
        if profile["mfa_serial"] != nil {
            throw missing("profile \"\(name)\" wants a code (mfa_serial), which nobody is there to type")
        }
        var role = CredentialPlan.Role(arn: arn)
        role.externalID = profile["external_id"]
        role.sessionName = profile["role_session_name"]
        role.durationSeconds = duration
        return .assumeRole(role, with: try sourcePlan(profile, name, after: seen))
    }

    private func sourcePlan(
        _ profile: [String: String], _ name: String, after seen: [String]
    ) throws(AWSError) -> CredentialPlan {
        switch (profile["source_profile"], profile["credential_source"]) {
        case (let source?, nil):
            guard !seen.contains(source), seen.count < Self.sourceLimit else {
                throw missing("profile \"\(name)\": its source_profile leads around in a circle")
            }
            guard let plan = try plan(ofProfile: source, after: seen + [name]) else {
                throw missing("profile \"\(name)\": its source_profile \"\(source)\" has no credentials")
            }
            return plan
        case (nil, "Environment"):
            guard let plan = try environmentPlan() else {
                throw missing("profile \"\(name)\": credential_source is Environment, and AWS_ACCESS_KEY_ID is not set")
            }
            return plan
        case (nil, "Ec2InstanceMetadata"): return .instance
        case (nil, "EcsContainer"):
            guard let endpoint = try ContainerEndpoint(world) else {
                throw missing("profile \"\(name)\": credential_source is EcsContainer, and this is none")
            }
            return .container(endpoint)
        case (nil, _?):
            throw missing(
                "profile \"\(name)\": credential_source is none of Environment, Ec2InstanceMetadata and EcsContainer")
        default:
            throw missing("profile \"\(name)\" has a role_arn, and needs one of source_profile and credential_source")
        }
    }

    /// Roles that are taken on one after another; AWS itself has no use for more than two.
    private static let sourceLimit = 5

    private func keys(
        _ key: String, _ secret: String, _ token: String?, origin: String, _ source: CredentialPlan.Source
    ) throws(AWSError) -> CredentialPlan {
        // They become headers. The texts are not repeated.
        guard isKeyText(key), isKeyText(secret), isKeyText(token ?? "-") else {
            throw missing("the keys of \(origin) hold blanks or other characters that no key has")
        }
        return .keys(
            Credentials(accessKeyID: key, secretAccessKey: secret, sessionToken: token, origin: origin), source)
    }

    private func missing(_ words: String) -> AWSError { AWSError(.noCredentials, words) }
}

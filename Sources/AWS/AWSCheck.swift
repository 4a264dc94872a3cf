// What `vitals check` says of an output that speaks to AWS: who it would be, and where. Nothing is sent.

internal import Bytes
internal import HTTP
internal import Platform
package import Settings

extension AWSSession {
    package func check(_ service: AWSService) -> CheckReport {
        var report = CheckReport()
        if let problem = Digest.problem { report.problems.append(problem) }
        do throws(TransportError) { _ = try world.connect(httpOptions) } catch { report.problems.append(error.reason) }
        if let file = httpOptions.caFile {
            do throws(Errno) { _ = try world.readFile(file) } catch {
                report.problems.append("ca_file: \(file): \(error)")
            }
        }
        let fetcher = CredentialFetcher(settings: settings, clock: clock, world: world)
        do throws(AWSError) {
            checkFiles(fetcher, &report)
            let profiles = try fetcher.profiles()
            try checkPlace(service, profiles, &report)
            let plan = try CredentialPlanner(settings: settings, world: world, profiles: profiles).plan()
            report.notes.append("credentials: \(plan.origin)")
            for file in plan.files {
                do throws(Errno) { _ = try world.readFile(file) } catch {
                    report.problems.append("credentials: \(file): \(error)")
                }
            }
        } catch { report.problems.append(error.message) }
        return report
    }

    private func checkPlace(
        _ service: AWSService, _ profiles: Profiles, _ report: inout CheckReport
    ) throws(AWSError) {
        if let region = try configuredRegion(settings, world, profiles) {
            report.notes.append("region \(region)")
            report.notes.append("sends to \(try resolvedEndpoint(of: service, region: region, settings, world))")
        } else if world.flag("AWS_EC2_METADATA_DISABLED"), world.setting("ECS_CONTAINER_METADATA_URI_V4") == nil {
            report.problems.append("the region is not known: set \"region\"")
        } else {
            report.notes.append("region: the container's or the instance's, which is asked for it by the running agent")
        }
    }

    /// Lines of the profile files that are none are passed over, which is worth knowing.
    private func checkFiles(_ fetcher: CredentialFetcher, _ report: inout CheckReport) {
        for (variable, name) in [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
            let file: ProfileFile
            // What cannot be read is said by whoever needs it.
            do throws(AWSError) { file = try fetcher.profileFile(variable, name) } catch { continue }
            for problem in file.problems { report.notes.append("the file \(name) of AWS, \(problem): passed over") }
        }
    }
}

extension CredentialPlan {
    /// Those that must be there.
    fileprivate var files: [String] {
        switch self {
        case .keys, .process, .instance: []
        case .webIdentity(let identity): [identity.tokenFile]
        case .container(let endpoint): endpoint.tokenFile.map { [$0] } ?? []
        case .assumeRole(_, let plan): plan.files
        }
    }
}

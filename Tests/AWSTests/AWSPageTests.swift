// docs/aws.md names the variables that are read, and no others.

import AWS
import Foundation
import HTTP
import TestSupport
import Testing

@Suite struct AWSPageTests {
    /// Of AWS's own; what an example of the settings calls its variables is the user's.
    private func documented() throws -> Set<String> {
        let text = try String(contentsOfFile: Repository.path + "/docs/aws.md", encoding: .utf8)
            .replacingOccurrences(of: "${AWS_KEY_OF_LOGS}", with: "")
        return Set(text.matches(of: /\b(AWS|AMZ|ECS)_[A-Z0-9_]+/).map { String($0.output.0) })
    }

    /// Asks all that there is to ask, in each of the ways in which it can be set up.
    private func asked() throws -> Set<String> {
        var asked: Set<String> = []
        let keys = ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"]
        let role = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/a"]
        for variables in [
            [:], keys, role, ["AWS_REGION": "eu-west-1"], keys.merging(["AWS_REGION": "eu-west-1"]) { $1 },
            role.merging(["AWS_REGION": "eu-west-1"]) { $1 }, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"],
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://a.example.test/"],
        ] {
            let fake = FakeWorld(variables)
            fake.files["/token"] = "t"
            fake.service = { request in request.method == "PUT" ? status(404) : ok("{}") }
            for allows in [false, true] {
                var settings = AWSClientSettings()
                settings.roleARN = allows ? "arn:aws:iam::1:role/b" : nil
                settings.allowsIMDSv1 = allows
                let session = fake.session(settings)
                // What comes of it is of no interest here.
                do throws(AWSError) { _ = try session.region() } catch {}
                do throws(AWSError) { _ = try session.credentials() } catch {}
                do throws(AWSError) { _ = try session.endpoint(of: .logs) } catch {}
                _ = session.httpOptions
                _ = session.check(.logs)
            }
            asked.formUnion(fake.asked)
        }
        return asked.subtracting(["HOME"])
    }

    @Test func namesWhatIsReadAndNothingElse() throws {
        let (documented, asked) = (try documented(), try asked())
        #expect(documented.subtracting(asked) == [], "nothing reads these")
        #expect(asked.subtracting(documented) == [], "the page does not name these")
    }
}

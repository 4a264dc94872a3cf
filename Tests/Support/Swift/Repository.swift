// Where the files are that tests read.

import Foundation

package enum Repository {
    /// The directory of Package.swift.
    package static let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        .standardized.path
    package static let fixtures = path + "/Tests/Fixtures"
}

// Waiting for a condition, never for a time.

import Foundation

/// True as soon as `condition` is, false when it is not by the deadline. Never makes a test right by its length.
package func eventually(within limit: Duration = .seconds(20), _ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        usleep(1_000)
    }
    return true
}

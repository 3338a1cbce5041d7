import Foundation
import TestSupport
import Testing

/// The hot kernels take as many instructions as they did; `scripts/instructions.sh --rewrite` sets new numbers.
@Suite struct InstructionTests {
  #if DEBUG
    private static let isOptimised = false
  #else
    private static let isOptimised = true
  #endif

  @Test(.enabled(if: isOptimised, "the counts are those of a release build"))
  func countsStayWhereTheyWere() throws {
    let script = BuiltProgram.repository.appending(path: "scripts/instructions.sh")
    let driver = try BuiltProgram("kernel-driver").location
    let outcome = try KernelDriver.run(script, ["--driver", driver.path])
    // Its way of saying that something is missing.
    if outcome.status == 77 {
      print(outcome.output, terminator: "")
      return
    }
    #expect(outcome.status == 0, "\(outcome.output)")
  }
}

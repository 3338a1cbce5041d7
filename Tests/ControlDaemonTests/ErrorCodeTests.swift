import RobotInterface
import Testing

@Suite("Error codes")
struct ErrorCodeTests {
  @Test func `are said by one name everywhere, that of the protocol`() {
    let names = RobotError.Code.allCases.map { "\($0)" }
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { name in name.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") } })
    #expect("\(RobotError(.frozenCamera, "corner2", "stands still"))" == "frozen_camera: corner2: stands still")
    #expect("\(RobotError.Code.notOwner)" == "not_owner" && "\(RobotError.Code.internal)" == "internal")
  }
}

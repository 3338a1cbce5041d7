"""Several ways of saying each of the 50 Meta-World tasks.

``TRAINED`` begins with the instruction of ``uio2_envs.metaworld_tasks``; ``NEVER_TRAINED`` is only for asking whether a
policy understands a sentence that it was not trained on, made of words that it was. What stands beside the object
(the wall, the goal's colour, the direction of a turn) is said wherever two tasks would else read alike.
"""

from __future__ import annotations

from spec import INSTRUCTIONS

_MORE: dict[str, tuple[str, str, str]] = {
    "assembly-v3": (
        "Put the nut with the handle over the peg.",
        "Lift the round nut and lower it onto the peg.",
        "Assemble the nut and the peg.",
    ),
    "basketball-v3": (
        "Put the ball through the hoop.",
        "Pick up the basketball and drop it into the basket.",
        "Score with the basketball.",
    ),
    "bin-picking-v3": (
        "Move the puck from the red bin to the blue bin.",
        "Pick the block out of its bin and put it into the other bin.",
        "Take the cube from one bin and drop it into the other.",
    ),
    "box-close-v3": (
        "Put the lid on the box.",
        "Pick up the lid and close the box.",
        "Cover the box with its lid.",
    ),
    "button-press-topdown-v3": (
        "Push the red button from above.",
        "Press the button on top of the box.",
        "Move the gripper down onto the button.",
    ),
    "button-press-topdown-wall-v3": (
        "Push the red button behind the wall from above.",
        "Go over the wall and press the button on top of the box.",
        "Avoid the wall and move the gripper down onto the button.",
    ),
    "button-press-v3": (
        "Push the red button from the front.",
        "Press the button forward into the box.",
        "Move the gripper forward against the button.",
    ),
    "button-press-wall-v3": (
        "Push the red button behind the wall from the front.",
        "Go around the wall and press the button into the box.",
        "Avoid the wall and move the gripper forward against the button.",
    ),
    "coffee-button-v3": (
        "Press the button of the coffee machine.",
        "Start the coffee machine.",
        "Make a coffee by pressing the machine's button.",
    ),
    "coffee-pull-v3": (
        "Take the mug away from the coffee machine.",
        "Pull the cup out from under the coffee machine to the goal.",
        "Move the mug from the coffee machine back to the green goal.",
    ),
    "coffee-push-v3": (
        "Put the mug under the coffee machine.",
        "Push the cup to the coffee machine.",
        "Move the mug forward until it stands under the coffee machine.",
    ),
    "dial-turn-v3": (
        "Turn the dial.",
        "Turn the dial half a turn.",
        "Rotate the knob by 180 degrees.",
    ),
    "disassemble-v3": (
        "Take the nut off the peg.",
        "Pull the round nut up from the peg.",
        "Disassemble the nut and the peg.",
    ),
    "door-close-v3": (
        "Shut the door.",
        "Push the door until it is closed.",
        "Swing the open door shut.",
    ),
    "door-lock-v3": (
        "Lock the door.",
        "Turn the lock of the door clockwise.",
        "Rotate the lock so that the door is locked.",
    ),
    "door-open-v3": (
        "Open the door.",
        "Pull the door open by its handle.",
        "Swing the closed door open.",
    ),
    "door-unlock-v3": (
        "Unlock the door.",
        "Turn the lock of the door counterclockwise.",
        "Rotate the lock so that the door is unlocked.",
    ),
    "drawer-close-v3": (
        "Close the drawer.",
        "Shut the open drawer.",
        "Push the drawer in.",
    ),
    "drawer-open-v3": (
        "Open the drawer.",
        "Pull the closed drawer out.",
        "Grasp the handle and open the drawer.",
    ),
    "faucet-close-v3": (
        "Turn the faucet off.",
        "Close the faucet.",
        "Push the handle of the faucet clockwise.",
    ),
    "faucet-open-v3": (
        "Turn the faucet on.",
        "Open the faucet.",
        "Push the handle of the faucet counterclockwise.",
    ),
    "hammer-v3": (
        "Hammer the screw into the wall.",
        "Take the hammer and hit the nail in the box.",
        "Pick up the hammer and hit the screw.",
    ),
    "hand-insert-v3": (
        "Put the gripper into the hole.",
        "Move the hand down into the hole in the table.",
        "Lower the gripper into the hole.",
    ),
    "handle-press-side-v3": (
        "Push the handle at the side down.",
        "Press down the handle that points sideways.",
        "Move the sideways handle down.",
    ),
    "handle-press-v3": (
        "Push the handle down.",
        "Press the front handle downwards.",
        "Move the handle at the front down.",
    ),
    "handle-pull-side-v3": (
        "Lift the handle at the side up.",
        "Pull up the handle that points sideways.",
        "Move the sideways handle up.",
    ),
    "handle-pull-v3": (
        "Lift the handle up.",
        "Pull the front handle upwards.",
        "Move the handle at the front up.",
    ),
    "lever-pull-v3": (
        "Pull the lever up.",
        "Lift the lever by 90 degrees.",
        "Move the lever upwards with the gripper.",
    ),
    "peg-insert-side-v3": (
        "Put the green peg into the hole of the box.",
        "Insert the peg sideways into the box.",
        "Grasp the peg and push it into the hole at the side.",
    ),
    "peg-unplug-side-v3": (
        "Pull the plug out of the socket.",
        "Unplug the peg from the side.",
        "Grasp the peg and pull it out of the hole.",
    ),
    "pick-out-of-hole-v3": (
        "Take the red puck out of the hole.",
        "Lift the puck from the hole to the goal.",
        "Grasp the puck in the hole and move it up to the goal.",
    ),
    "pick-place-v3": (
        "Lift the puck to the blue goal.",
        "Grasp the puck and bring it to the blue point.",
        "Pick the red puck up and move it to the blue goal.",
    ),
    "pick-place-wall-v3": (
        "Lift the puck over the wall to the blue goal.",
        "Grasp the puck and bring it past the wall to the blue point.",
        "Pick the red puck up, go over the wall and move it to the goal.",
    ),
    "plate-slide-back-side-v3": (
        "Slide the plate sideways out of the cabinet.",
        "Pull the puck out of the net to the side.",
        "Get the plate out of the cabinet from the side.",
    ),
    "plate-slide-back-v3": (
        "Pull the plate back out of the cabinet.",
        "Slide the plate back to the front.",
        "Get the plate out of the cabinet towards the robot.",
    ),
    "plate-slide-side-v3": (
        "Slide the plate sideways into the cabinet.",
        "Push the puck into the net at the side.",
        "Move the plate to the side, into the cabinet.",
    ),
    "plate-slide-v3": (
        "Push the plate forward into the cabinet.",
        "Slide the puck into the net.",
        "Move the plate forward until it is in the cabinet.",
    ),
    "push-back-v3": (
        "Pull the block back to the green goal.",
        "Move the wooden block backwards to the green point.",
        "Drag the block towards the robot, to the goal.",
    ),
    "push-v3": (
        "Push the puck to the green goal.",
        "Slide the red puck to the green point.",
        "Move the puck along the table to the green goal.",
    ),
    "push-wall-v3": (
        "Push the puck past the wall to the green goal.",
        "Slide the red puck around the wall to the green point.",
        "Avoid the wall and move the puck along the table to the goal.",
    ),
    "reach-v3": (
        "Reach the red goal.",
        "Bring the hand to the red point.",
        "Move the hand to the red goal.",
    ),
    "reach-wall-v3": (
        "Reach the red goal behind the wall.",
        "Bring the hand past the wall to the red point.",
        "Avoid the wall and move the hand to the goal.",
    ),
    "shelf-place-v3": (
        "Put the block on the shelf.",
        "Lift the block and set it down on the shelf.",
        "Grasp the cube and place it on the shelf.",
    ),
    "soccer-v3": (
        "Kick the ball into the goal.",
        "Score a goal with the soccer ball.",
        "Move the ball into the net.",
    ),
    "stick-pull-v3": (
        "Pull the thermos with the stick.",
        "Pick up the blue stick, hook the thermos and pull it to the goal.",
        "Use the stick to pull the bottle back.",
    ),
    "stick-push-v3": (
        "Push the thermos with the stick.",
        "Pick up the blue stick and push the thermos to the goal.",
        "Use the stick to push the bottle away.",
    ),
    "sweep-into-v3": (
        "Push the block into the hole.",
        "Sweep the cube into the hole in the table.",
        "Move the block along the table into the hole.",
    ),
    "sweep-v3": (
        "Push the block off the table.",
        "Sweep the cube to the edge and off the table.",
        "Move the block along the table until it falls off.",
    ),
    "window-close-v3": (
        "Close the window.",
        "Shut the open window.",
        "Push the handle of the window until it is closed.",
    ),
    "window-open-v3": (
        "Open the window.",
        "Push the closed window open.",
        "Push the handle of the window until it is open.",
    ),
}

NEVER_TRAINED: dict[str, tuple[str, str]] = {
    "assembly-v3": ("Set the nut down onto the peg.", "Grasp the round nut and put it over the peg."),
    "basketball-v3": ("Drop the ball into the hoop.", "Lift the basketball and put it through the hoop."),
    "bin-picking-v3": ("Put the puck of the red bin into the blue bin.", "Bring the cube to the other bin."),
    "box-close-v3": ("Close the box with the lid.", "Place the lid onto the box."),
    "button-press-topdown-v3": ("Press the red button from the top.", "Push down the button on top of the box."),
    "button-press-topdown-wall-v3": (
        "Press the red button from the top, past the wall.",
        "Go over the wall and push down the button.",
    ),
    "button-press-v3": ("Press the red button at the front.", "Push the button into the box."),
    "button-press-wall-v3": ("Press the red button at the front, past the wall.", "Push the button behind the wall."),
    "coffee-button-v3": ("Press the coffee machine's button.", "Push the machine's button to make a coffee."),
    "coffee-pull-v3": ("Pull the cup back to the goal.", "Move the mug away from the machine."),
    "coffee-push-v3": ("Move the cup under the coffee machine.", "Push the mug forward to the machine."),
    "dial-turn-v3": ("Rotate the dial.", "Turn the knob half a turn."),
    "disassemble-v3": ("Lift the nut up from the peg.", "Take the round nut away from the peg."),
    "door-close-v3": ("Close the open door.", "Push the door shut."),
    "door-lock-v3": ("Turn the lock so that the door is locked.", "Rotate the door's lock clockwise."),
    "door-open-v3": ("Pull the closed door open.", "Grasp the handle and open the door."),
    "door-unlock-v3": ("Turn the lock so that the door is unlocked.", "Rotate the door's lock counterclockwise."),
    "drawer-close-v3": ("Push the open drawer shut.", "Shut the drawer."),
    "drawer-open-v3": ("Pull the drawer out by its handle.", "Open the closed drawer."),
    "faucet-close-v3": ("Close the faucet by its handle.", "Turn the faucet's handle clockwise."),
    "faucet-open-v3": ("Open the faucet by its handle.", "Turn the faucet's handle counterclockwise."),
    "hammer-v3": ("Hit the screw with the hammer.", "Use the hammer to drive the nail into the wall."),
    "hand-insert-v3": ("Move the gripper into the hole in the table.", "Insert the hand into the hole."),
    "handle-press-side-v3": ("Press the sideways handle down.", "Move down the handle at the side."),
    "handle-press-v3": ("Press down the handle at the front.", "Move the front handle downwards."),
    "handle-pull-side-v3": ("Pull the sideways handle up.", "Move up the handle at the side."),
    "handle-pull-v3": ("Pull up the handle at the front.", "Move the front handle upwards."),
    "lever-pull-v3": ("Lift the lever up.", "Pull the lever upwards by 90 degrees."),
    "peg-insert-side-v3": ("Insert the green peg into the box.", "Push the peg sideways into the hole."),
    "peg-unplug-side-v3": ("Pull the peg out sideways.", "Grasp the plug and pull it out of the socket."),
    "pick-out-of-hole-v3": ("Lift the red puck out of the hole.", "Bring the puck from the hole up to the goal."),
    "pick-place-v3": ("Bring the puck up to the blue goal.", "Grasp the red puck and place it at the blue point."),
    "pick-place-wall-v3": (
        "Bring the puck over the wall to the blue point.",
        "Lift the red puck past the wall and place it at the goal.",
    ),
    "plate-slide-back-side-v3": ("Pull the plate sideways out of the net.", "Slide the puck out to the side."),
    "plate-slide-back-v3": ("Slide the plate out towards the robot.", "Pull the plate back to the front."),
    "plate-slide-side-v3": ("Push the plate sideways into the net.", "Slide the puck into the cabinet at the side."),
    "plate-slide-v3": ("Push the plate into the cabinet.", "Slide the plate forward into the net."),
    "push-back-v3": ("Drag the block back to the green point.", "Pull the wooden block towards the robot."),
    "push-v3": ("Slide the puck across the table to the green point.", "Push the red puck to the goal on the table."),
    "push-wall-v3": ("Push the puck around the wall.", "Slide the puck past the wall to the green goal."),
    "reach-v3": ("Bring the gripper to the red goal.", "Reach the red point with the hand."),
    "reach-wall-v3": ("Go around the wall and reach the red point.", "Move the gripper past the wall to the red goal."),
    "shelf-place-v3": ("Place the cube onto the shelf.", "Pick up the block and put it on the shelf."),
    "soccer-v3": ("Push the ball into the net.", "Kick the soccer ball into the net."),
    "stick-pull-v3": ("Use the blue stick to pull the thermos.", "Hook the bottle with the stick and pull it back."),
    "stick-push-v3": ("Use the blue stick to push the thermos.", "Push the bottle to the goal with the stick."),
    "sweep-into-v3": ("Sweep the block along the table into the hole.", "Push the cube into the hole in the table."),
    "sweep-v3": ("Sweep the block to the edge of the table.", "Push the cube until it falls off the table."),
    "window-close-v3": ("Push the window closed.", "Slide the open window shut."),
    "window-open-v3": ("Slide the closed window open.", "Open the window by its handle."),
}

TRAINED: dict[str, tuple[str, ...]] = {task: (INSTRUCTIONS[task], *_MORE[task]) for task in INSTRUCTIONS}

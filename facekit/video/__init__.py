"""Moving pictures: from a camera, a video or a folder of frames to people who come, are named, and go.

sources      what can be watched, and how its frames are opened
streams      video files, addresses and devices, read by PyAV or OpenCV, and none of them trusted
video        video files, written
backends     PyAV and OpenCV themselves, and that they are silent
reader       the thread that reads: only the newest frame of what is live, every frame of a file
looking      where the faces of a frame are: over the whole of it, or near where they were
tracking     which face of this frame is which of the last
voting       whose face a track is, from its best frames
knowledge    the people of a gallery, as it changes
session      all of it together, frame by frame, to events
playing      the session at the pace of its source, beside what is shown
face_paths   where faces are in every frame of a file, those too in which one was missed
sound        the sound of a file, for another with the same pictures
poses        front, left, right, up, down, from five points
registering  the best frames of one person in every pose
window       a window on the screen
"""

"""The admin API: HTTP for who runs the server, and for programs of the business."""

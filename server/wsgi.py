"""What gunicorn serves: `gunicorn server.wsgi:app`."""

from server import create_app
from server.logs import write_lines

write_lines()
app = create_app()

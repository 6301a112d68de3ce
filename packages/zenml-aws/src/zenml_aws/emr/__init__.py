"""Data steps on Amazon EMR: EMR Serverless, or a cluster; `backend` has the class that a pipeline names."""

"""The plan builder: instalments computed and edited, who must agree, and the offer as the customer will read it, before it is proposed."""
